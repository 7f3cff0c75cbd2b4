//! Modern authentication, from outside: whether every directory says where to sign in.

use exchports::catalog::{MODERN, Role, ServiceId};
use exchports::facts::{BearerAnswer, Text};
use exchports::finding::{Code, Severity};

use super::staged_host::{StagedHost, codes, only};

use ServiceId::{Autodiscover, Ews, Mapi};

/// What an audit heard from each directory that is asked with an empty Bearer.
fn audited(answers: &[(ServiceId, BearerAnswer)]) -> StagedHost {
    let mut host = StagedHost::of(Role::Mailbox);
    host.each_web(|id, facts| {
        let answer = answers.iter().find(|(asked, _)| *asked == id);
        facts.bearer = answer.map(|(_, answer)| Box::new(answer.clone()));
    });
    host
}

fn offered(authorization_uri: Option<&str>) -> BearerAnswer {
    BearerAnswer::Offered {
        trusted_issuers: vec!["00000001-0000-0000-c000-000000000000@*".into()],
        authorization_uri: authorization_uri.map(Text::from),
    }
}

const ENTRA: &str = "https://login.windows.net/common/oauth2/authorize";

#[test]
fn modern_authentication_is_on_where_every_directory_says_where_to_sign_in() {
    let everywhere: Vec<_> = MODERN.map(|id| (id, offered(Some(ENTRA)))).into();
    let finding = audited(&everywhere).judged();
    assert_eq!(
        codes(&finding),
        [(Code::ModernAuthenticationOn, Severity::Info)]
    );
    let told = only(&finding, Code::ModernAuthenticationOn);
    assert_eq!(told.services, MODERN);
    assert_eq!(
        told.diagnosis.message,
        "modern authentication is on for ews, mapi, activesync, autodiscover and oab: people sign in at \
         \"login.windows.net\""
    );
    // Two authorities are both told; who asked nobody is told nothing.
    let mut two = everywhere.clone();
    two[0].1 = offered(Some("https://adfs.example.com/adfs/oauth2"));
    let finding = audited(&two).judged();
    let told = only(&finding, Code::ModernAuthenticationOn);
    let message = &told.diagnosis.message;
    assert!(message.ends_with("at \"adfs.example.com\" and \"login.windows.net\""));
    assert_eq!(codes(&audited(&[]).judged()), []);
    // One directory that did not answer is not held against the others.
    let finding = audited(&everywhere[1..]).judged();
    only(&finding, Code::ModernAuthenticationOn);
}

#[test]
fn modern_authentication_is_off_where_no_directory_says_where_to_sign_in() {
    let nowhere: Vec<_> = MODERN.map(|id| (id, BearerAnswer::NotOffered)).into();
    let finding = audited(&nowhere).judged();
    assert_eq!(
        codes(&finding),
        [(Code::ModernAuthenticationOff, Severity::Info)]
    );
    let told = only(&finding, Code::ModernAuthenticationOff);
    assert_eq!(told.services.len(), MODERN.len());
    assert!(
        told.diagnosis
            .message
            .contains("no Bearer is offered by ews")
    );
    // Tokens between servers are no sign-in of people.
    let mut servers = nowhere;
    servers[0].1 = offered(None);
    let finding = audited(&servers).judged();
    let told = only(&finding, Code::ModernAuthenticationOff);
    let message = &told.diagnosis.message;
    assert!(
        message.contains("only tokens from other servers are accepted (ews)"),
        "{message}"
    );
}

#[test]
fn modern_authentication_that_is_half_on_names_the_directories_and_the_cmdlet() {
    let on = |id| (id, offered(Some(ENTRA)));
    let off = |id| (id, BearerAnswer::NotOffered);
    for lacking in MODERN {
        let answers = MODERN.map(|id| if id == lacking { off(id) } else { on(id) });
        let finding = audited(&answers).judged();
        assert_eq!(
            codes(&finding),
            [(Code::ModernAuthenticationHalfOn, Severity::Warn)],
            "{lacking}"
        );
        let told = only(&finding, Code::ModernAuthenticationHalfOn);
        assert_eq!(told.services, [lacking]);
        let message = &told.diagnosis.message;
        assert!(
            message.ends_with(&format!("but not for {lacking}")),
            "{message}"
        );
        let hint = &told.diagnosis.hint;
        let (noun, setting) = match lacking {
            Ews => ("WebServices", "-OAuthAuthentication $true"),
            Mapi => ("Mapi", "-IISAuthenticationMethods Ntlm,OAuth,Negotiate"),
            Autodiscover => ("Autodiscover", "-OAuthAuthentication $true"),
            ServiceId::Activesync => ("ActiveSync", "-OAuthAuthentication $true"),
            _ => ("Oab", "-OAuthAuthentication $true"),
        };
        let cmdlet = format!("`Get-{noun}VirtualDirectory | Set-{noun}VirtualDirectory {setting}`");
        assert!(hint.contains(&cmdlet), "{hint}");
    }
    // Several are told together, and briefly; one that knows trusted issuers alone lacks it too.
    let answers = [
        off(Ews),
        off(Mapi),
        (ServiceId::Activesync, offered(None)),
        off(Autodiscover),
        on(ServiceId::Oab),
    ];
    let finding = audited(&answers).judged();
    let told = only(&finding, Code::ModernAuthenticationHalfOn);
    assert_eq!(told.services.len(), 4);
    let message = &told.diagnosis.message;
    assert!(
        message.ends_with(": activesync names trusted issuers but no authorization URI"),
        "{message}"
    );
    assert!(
        told.diagnosis
            .hint
            .starts_with("Run `Set-...VirtualDirectory -OAuthAuthentication $true` for "),
        "{}",
        told.diagnosis.hint
    );
}
