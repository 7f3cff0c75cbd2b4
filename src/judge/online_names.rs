//! Roles by the names of Exchange Online.

use crate::catalog::Role;

/// By the names of Microsoft's list of endpoints.
pub(super) fn role_of_name(name: &str) -> Option<Role> {
    match name {
        "outlook.office365.com" | "outlook.office.com" | "outlook.cloud.microsoft" => {
            Some(Role::Online)
        }
        "smtp.office365.com" => Some(Role::OnlineSubmission),
        _ if name.ends_with(".mail.protection.outlook.com") || name.ends_with(".mx.microsoft") => {
            Some(Role::OnlineMx)
        }
        _ => None,
    }
}

/// By the names that Exchange Online's front ends greet with.
pub(super) fn role_of_greeting(name: &str) -> Option<Role> {
    if name.ends_with(".outlook.office365.com") {
        Some(Role::OnlineSubmission)
    } else if name.ends_with(".mail.protection.outlook.com") {
        Some(Role::OnlineMx)
    } else {
        None
    }
}
