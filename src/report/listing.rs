//! Lists, told: the catalog that `exchports list` shows, and names with what they mean.

use std::io::{self, Write};

use serde::Serialize;

use crate::catalog::{self, Group, ROLES, RoleRow, SERVICES, Service, ServiceId};

use super::notation::{Layout, push_json};
use super::style::{Paragraph, Style, width};

/// Tells services and roles to people.
///
/// # Errors
///
/// That of the writer.
pub fn catalog_table(out: &mut dyn Write, style: Style) -> io::Result<()> {
    let mut text = String::new();
    push_services(style, &mut text);
    for role in &ROLES {
        text.push('\n');
        push_role(role, style, &mut text);
    }
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Tells services and roles to scripts: one JSON document.
///
/// # Errors
///
/// That of the writer.
pub fn catalog_json(out: &mut dyn Write) -> io::Result<()> {
    let catalog = Catalog {
        services: catalog::all().map(ServiceEntry::of).collect(),
        roles: ROLES.iter().map(RoleEntry::of).collect(),
    };
    let mut text = Vec::new();
    push_json(&catalog, Layout::Indented(0), &mut text)?;
    text.push(b'\n');
    out.write_all(&text)?;
    out.flush()
}

/// Tells names and what each of them means: in `columns` columns, or a line each where there is no terminal, so that
/// scripts find one.
///
/// # Errors
///
/// That of the writer.
pub fn glossary(
    out: &mut dyn Write,
    names: &[(&str, &str)],
    columns: Option<usize>,
) -> io::Result<()> {
    /// Room that a meaning gets at least beside its name, else it stands below.
    const BESIDE: usize = 30;
    const BELOW: usize = 4;
    let wide = names.iter().map(|(name, _)| width(name)).max();
    let wide = wide.unwrap_or_default();
    let mut text = String::new();
    for (name, meaning) in names {
        let lead = format!("{name:wide$}  ");
        let beside = Paragraph {
            indent: 0,
            lead: &lead,
            lead_width: width(&lead),
            hang: width(&lead),
        };
        match columns {
            None => beside.push(meaning, usize::MAX, str::to_owned, &mut text),
            Some(columns) if wide + 2 + BESIDE <= columns => {
                beside.push(meaning, columns, str::to_owned, &mut text);
            }
            Some(columns) => {
                Paragraph::at(0).push(name, columns, str::to_owned, &mut text);
                Paragraph::at(BELOW).push(meaning, columns, str::to_owned, &mut text);
            }
        }
    }
    out.write_all(text.as_bytes())?;
    out.flush()
}

fn push_services(style: Style, text: &mut String) {
    let head = ["PORT", "SERVICE", "PROTOCOL", "SECURITY", "WHAT IT IS"].map(str::to_owned);
    let cells = |service: &Service| {
        [
            service.port.to_string(),
            service.name.to_owned(),
            service.protocol.as_str().to_owned(),
            service.security.as_str().to_owned(),
            service.title.to_owned(),
        ]
    };
    let rows: Vec<_> = std::iter::once(head)
        .chain(catalog::all().map(cells))
        .collect();
    let wide = |column: usize| rows.iter().map(|row| width(&row[column])).max();
    let [port, name, protocol, security] = [0, 1, 2, 3].map(|c| wide(c).unwrap_or_default());
    for (index, [a, b, c, d, title]) in rows.iter().enumerate() {
        if index == 1 + SERVICES.len() {
            let heading = "Behind 443, once it accepts a connection; all of them are `web`:";
            text.push('\n');
            Paragraph::at(0).push(heading, style.width, str::to_owned, text);
        }
        // The least telling columns make room first.
        let full = format!("{a:>port$}  {b:name$}  {c:protocol$}  {d:security$}  ");
        let short = format!("{a:>port$}  {b:name$}  {d:security$}  ");
        let bare = format!("{a:>port$}  {b:name$}  ");
        if width(&bare) + LONGEST_TITLE > style.width {
            // A line of its own below.
            text.push_str(bare.trim_end());
            text.push('\n');
            Paragraph::at(port + 2).push(title, style.width, str::to_owned, text);
            continue;
        }
        let lead = if width(&full) + LONGEST_TITLE <= style.width {
            full
        } else if width(&short) + LONGEST_TITLE <= style.width {
            short
        } else {
            bare
        };
        let line = Paragraph {
            indent: 0,
            lead: &lead,
            lead_width: width(&lead),
            hang: width(&lead),
        };
        line.push(title, style.width, str::to_owned, text);
    }
    let aliases = "Other names work as well, such as `smtps`, `pop` or `ms-wbt-server`; \
                   `exchports explain SERVICE` lists them.";
    text.push('\n');
    Paragraph::at(0).push(aliases, style.width, str::to_owned, text);
}

/// Room that the last column gets at least: `submission with STARTTLS`.
const LONGEST_TITLE: usize = 24;

fn push_role(role: &RoleRow, style: Style, text: &mut String) {
    let name = style.color.bold(role.name);
    let heading = Paragraph {
        indent: 0,
        lead: &format!("{name}: "),
        lead_width: width(role.name) + 2,
        hang: 2,
    };
    heading.push(role.purpose, style.width, str::to_owned, text);
    for (lead, services) in [
        ("required   ", role.required),
        ("optional   ", role.optional),
        ("forbidden  ", role.forbidden),
    ] {
        let column = Paragraph {
            indent: 2,
            lead,
            lead_width: width(lead),
            hang: width(lead),
        };
        let names = match services.len() {
            all if SERVICES
                .iter()
                .all(|service| services.contains(&service.id)) =>
            {
                format!("all {all}")
            }
            _ => names(services).join(", "),
        };
        column.push(&names, style.width, str::to_owned, text);
    }
    let more = role
        .one_of
        .iter()
        .map(|group| ("one of     ", *group))
        .chain(
            (!role.forbidden_if_public.is_empty())
                .then_some(("if public  ", role.forbidden_if_public)),
        );
    for (lead, services) in more {
        let column = Paragraph {
            indent: 2,
            lead,
            lead_width: width(lead),
            hang: width(lead),
        };
        let mut line = names(services).join(", ");
        if lead.starts_with("if public") {
            line.push_str(" forbidden");
        }
        column.push(&line, style.width, str::to_owned, text);
    }
}

fn names(services: &[ServiceId]) -> Vec<&'static str> {
    services.iter().map(|id| id.row().name).collect()
}

#[derive(Serialize)]
struct Catalog {
    services: Vec<ServiceEntry>,
    roles: Vec<RoleEntry>,
}

#[derive(Serialize)]
struct ServiceEntry {
    service: &'static str,
    port: u16,
    protocol: &'static str,
    security: &'static str,
    group: Option<&'static str>,
    title: &'static str,
    purpose: &'static str,
    aliases: &'static [&'static str],
}

impl ServiceEntry {
    fn of(service: &'static Service) -> Self {
        Self {
            service: service.name,
            port: service.port,
            protocol: service.protocol.as_str(),
            security: service.security.as_str(),
            group: match service.group {
                Group::Port => None,
                Group::Web => Some("web"),
            },
            title: service.title,
            purpose: service.purpose,
            aliases: service.aliases,
        }
    }
}

#[derive(Serialize)]
struct RoleEntry {
    role: &'static str,
    purpose: &'static str,
    required: Vec<&'static str>,
    one_of: Vec<Vec<&'static str>>,
    optional: Vec<&'static str>,
    forbidden: Vec<&'static str>,
    forbidden_if_public: Vec<&'static str>,
}

impl RoleEntry {
    fn of(role: &RoleRow) -> Self {
        Self {
            role: role.name,
            purpose: role.purpose,
            required: names(role.required),
            one_of: role.one_of.iter().map(|group| names(group)).collect(),
            optional: names(role.optional),
            forbidden: names(role.forbidden),
            forbidden_if_public: names(role.forbidden_if_public),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [(&str, &str); 2] = [
        ("silent", "the connection is accepted"),
        (
            "certificate-expired",
            "the certificate expired three days ago",
        ),
    ];

    fn told(columns: Option<usize>) -> String {
        let mut text = Vec::new();
        glossary(&mut text, &NAMES, columns).expect("a buffer takes everything");
        String::from_utf8(text).expect("text")
    }

    #[test]
    fn a_meaning_hangs_beside_its_name_or_stands_below_it() {
        assert_eq!(
            told(Some(55)),
            "silent               the connection is accepted\n\
             certificate-expired  the certificate expired three days\n\
             \u{20}                    ago\n"
        );
        assert_eq!(
            told(Some(40)),
            "silent\n    the connection is accepted\n\
             certificate-expired\n    the certificate expired three days\n    ago\n"
        );
    }

    #[test]
    fn without_a_terminal_each_name_has_a_line() {
        assert_eq!(told(None).lines().count(), NAMES.len());
    }
}
