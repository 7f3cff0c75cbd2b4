//! # catalog: what should be there
//!
//! Static tables, nothing else: the services that Outlook and Exchange live on ([`services`], and [`web`] for those
//! behind 443), which kind of host should have which of them ([`roles`]), Exchange's builds ([`builds`]), which addresses
//! are public ([`addresses`]), and who takes mail for others ([`providers`]). Nothing here
//! knows the network. The rules in `judge` say what it means when a service is not as the catalog says.

pub mod addresses;
pub mod builds;
pub mod providers;
pub mod roles;
pub mod service;
pub mod services;
pub mod web;

pub use addresses::is_public;
pub use providers::{PROVIDERS, Provider, ProviderKind, is_online_autodiscover, provider};
pub use roles::{Expectation, INTERNAL, ROLES, Role, RoleRow, expectation};
pub use service::{Certificates, Group, Protocol, Security, Service, ServiceId};
pub use services::{SERVICES, all, service};
pub use web::{MODERN, VirtualDirectory, WEB, virtual_directory};
