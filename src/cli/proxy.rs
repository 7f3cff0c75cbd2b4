//! `--proxy`: a URL, or what the environment has. User and password are taken from the environment only: a command line
//! can be read by everybody on the machine, and stays in histories and logs.

use std::sync::Arc;

use ipnet::IpNet;

use super::error::{UsageError, quoted};
use super::targets;
use crate::plan::{Credentials, Host, NoProxy, Proxy, ProxyScheme};

/// Where the user for a proxy is looked for.
const USER: &str = "EXCHPORTS_PROXY_USER";
/// Where the password is.
const PASSWORD: &str = "EXCHPORTS_PROXY_PASSWORD";

/// The proxy that was meant, and that of the environment where it is not used.
#[derive(Clone, Debug, Default)]
pub(super) struct Proxies {
    pub(super) used: Option<Arc<Proxy>>,
    pub(super) unused: Option<Arc<Proxy>>,
}

/// What `--proxy` means in this environment.
pub(super) fn meant(
    typed: Option<&str>,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Proxies, UsageError> {
    match typed {
        None => Ok(Proxies {
            used: None,
            // One that this program cannot use is no hint.
            unused: of_environment(environment).ok().flatten().map(Arc::new),
        }),
        Some("env") => Ok(Proxies {
            used: of_environment(environment)?.map(Arc::new),
            unused: None,
        }),
        Some(typed) => {
            let what = format!("--proxy {}", quoted(&without_password(typed)));
            let mut proxy = url(&what, typed)?;
            if proxy.credentials.is_some() {
                return Err(UsageError(format!(
                    "{what} has a user name in it, which others could read: set {USER} and {PASSWORD} in the environment"
                )));
            }
            proxy.credentials = credentials(environment)?;
            Ok(Proxies {
                used: Some(Arc::new(proxy)),
                unused: None,
            })
        }
    }
}

/// The proxy that the environment has for HTTPS, as curl reads it; nothing else here is HTTP in clear.
fn of_environment(
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<Proxy>, UsageError> {
    let value = |name: &str| environment(name).filter(|value| !value.trim().is_empty());
    let names = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
    let Some((name, typed)) = names
        .iter()
        .find_map(|name| Some((*name, value(name)?.trim().to_owned())))
    else {
        return Ok(None);
    };
    let what = format!("{name} {}", quoted(&without_password(&typed)));
    // Without a scheme it is HTTP.
    let typed = if typed.contains("://") {
        typed
    } else {
        format!("http://{typed}")
    };
    let mut proxy = url(&what, &typed)?;
    if let Some(known) = credentials(environment)? {
        proxy.credentials = Some(known);
    }
    let except = value("no_proxy").or_else(|| value("NO_PROXY"));
    proxy.except = except.as_deref().map(no_proxy).unwrap_or_default();
    Ok(Some(proxy))
}

fn credentials(
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<Credentials>, UsageError> {
    let Some(user) = environment(USER).filter(|user| !user.is_empty()) else {
        return Ok(None);
    };
    let password = environment(PASSWORD).unwrap_or_default();
    fitting(USER, Credentials { user, password }).map(Some)
}

/// SOCKS counts both in a byte, and Basic ends the user at its colon.
fn fitting(name: &str, known: Credentials) -> Result<Credentials, UsageError> {
    let is_long = known.user.len() > 255 || known.password.len() > 255;
    if is_long || known.user.contains(':') {
        return Err(UsageError(format!(
            "{name}: a proxy takes a user name without a colon and a password, each of at most 255 bytes"
        )));
    }
    Ok(known)
}

/// `socks5h://proxy.example.com:1080`
fn url(what: &str, typed: &str) -> Result<Proxy, UsageError> {
    let wrong = |why: &str| UsageError(format!("{what} {why}"));
    let Some((scheme, rest)) = typed.split_once("://") else {
        return Err(wrong(
            "has no scheme: for example socks5h://proxy.example.com:1080, http://proxy.example.com:3128, or env",
        ));
    };
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "socks5" => ProxyScheme::Socks5,
        "socks5h" => ProxyScheme::Socks5h,
        "http" => ProxyScheme::Http,
        "https" => {
            return Err(wrong(
                "is reached over TLS, which is not supported: give its cleartext port with http://",
            ));
        }
        "socks" | "socks4" | "socks4a" => {
            return Err(wrong(
                "is not SOCKS 5: socks5:// looks names up here, socks5h:// lets the proxy do it",
            ));
        }
        _ => {
            return Err(wrong(
                "is not a supported kind of proxy: use socks5://, socks5h:// or http://",
            ));
        }
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if rest.contains(['/', '?', '#']) {
        return Err(wrong("has a path: give only host and port"));
    }
    let (known, place) = match rest.rsplit_once('@') {
        Some((known, place)) => (Some(known), place),
        None => (None, rest),
    };
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, Some(port)),
        _ => (place, None),
    };
    let port = match (port, scheme) {
        (Some(port), _) => match port.parse::<u16>() {
            Ok(port) if port > 0 => port,
            _ => return Err(wrong("has an invalid port: ports are 1 to 65535")),
        },
        // RFC 1928 §3
        (None, ProxyScheme::Socks5 | ProxyScheme::Socks5h) => 1080,
        // Some programs take 80 then, others 1080.
        (None, ProxyScheme::Http) => {
            return Err(wrong(
                "has no port: give it, as in http://proxy.example.com:3128",
            ));
        }
    };
    let host = targets::named("", host)
        .map_err(|_| wrong("has no host in it: for example socks5h://proxy.example.com:1080"))?;
    let credentials = match known {
        None => None,
        Some(known) => {
            let (user, password) = known.split_once(':').unwrap_or((known, ""));
            let known = Credentials {
                user: decoded(user),
                password: decoded(password),
            };
            Some(fitting(what, known)?)
        }
    };
    Ok(Proxy {
        scheme,
        host,
        port,
        credentials,
        except: Vec::new(),
    })
}

/// What was typed, as it may be shown.
fn without_password(typed: &str) -> String {
    let Some((known, place)) = typed.rsplit_once('@') else {
        return typed.to_owned();
    };
    match known.split_once("://") {
        Some((scheme, _)) => format!("{scheme}://…@{place}"),
        None => format!("…@{place}"),
    }
}

/// `%40` is `@` (RFC 3986 §2.1).
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        let escaped = match (byte, after) {
            (b'%', [high, low, after @ ..]) => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16);
                digit(high)
                    .zip(digit(low))
                    .and_then(|(high, low)| u8::try_from(high * 16 + low).ok())
                    .map(|byte| (byte, after))
            }
            _ => None,
        };
        match escaped {
            Some((byte, after)) => {
                bytes.push(byte);
                rest = after;
            }
            None => bytes.push(*byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The list of `NO_PROXY`, as curl and Go read it: names and all below them, networks, `*`; what is neither is passed over.
fn no_proxy(typed: &str) -> Vec<NoProxy> {
    let one = |word: &str| {
        if word == "*" {
            return Some(NoProxy::All);
        }
        if let Ok(network) = word.parse::<IpNet>() {
            return Some(NoProxy::Network(network.trunc()));
        }
        match targets::named("", word.trim_start_matches("*.").trim_matches('.')) {
            Ok(Host::Address(address)) => Some(NoProxy::Network(IpNet::from(address))),
            Ok(Host::Name(name)) => Some(NoProxy::Name(name)),
            Err(_) => None,
        }
    };
    typed
        .split([',', ' '])
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .filter_map(one)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing(_: &str) -> Option<String> {
        None
    }

    fn of(typed: Option<&str>, environment: &[(&str, &str)]) -> Result<Proxies, String> {
        let value = |name: &str| {
            environment
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        };
        meant(typed, &value).map_err(|error| error.to_string())
    }

    fn used(typed: &str, environment: &[(&str, &str)]) -> Proxy {
        let used = of(Some(typed), environment).expect(typed).used;
        Arc::unwrap_or_clone(used.expect("a proxy"))
    }

    #[test]
    fn urls_name_kind_host_and_port() {
        for (typed, shown) in [
            (
                "socks5://proxy.example.com",
                "socks5://proxy.example.com:1080",
            ),
            ("SOCKS5H://Proxy:9050/", "socks5h://proxy:9050"),
            ("http://192.0.2.1:3128", "http://192.0.2.1:3128"),
            ("http://[2001:db8::1]:3128", "http://[2001:db8::1]:3128"),
            ("socks5://[::1]", "socks5://[::1]:1080"),
        ] {
            let proxy = used(typed, &[]);
            assert_eq!(proxy.to_string(), shown);
            assert_eq!(proxy.credentials, None);
        }
    }

    #[test]
    fn what_is_no_proxy_is_told_on_one_line() {
        for (typed, said) in [
            ("proxy:3128", "has no scheme"),
            ("https://proxy:3128", "over TLS"),
            ("socks4://proxy", "socks5h://"),
            ("ftp://proxy", "use socks5://"),
            ("http://proxy", "has no port"),
            ("http://proxy:0", "1 to 65535"),
            ("http://:3128", "has no host"),
            ("socks5://", "has no host"),
            ("http://proxy:3128/pac", "has a path"),
        ] {
            let error = meant(Some(typed), &nothing).expect_err(typed).to_string();
            assert!(error.contains(said), "{typed}: {error}");
        }
    }

    #[test]
    fn a_password_comes_from_the_environment_and_is_shown_nowhere() {
        let error = of(Some("http://me:hush@proxy:3128"), &[]).expect_err("a user");
        assert!(error.contains(USER) && !error.contains("hush"), "{error}");
        let error = of(Some("me:hush@proxy:3128"), &[]).expect_err("no scheme");
        assert!(!error.contains("hush"), "{error}");
        let proxy = used("http://proxy:3128", &[(USER, "me"), (PASSWORD, "hush")]);
        let known = proxy.credentials.clone().expect("they are known");
        assert_eq!((&*known.user, &*known.password), ("me", "hush"));
        assert!(!format!("{proxy:?} {proxy}").contains("hush"));
        let environment = [("https_proxy", "http://me%40home:hu%73h%@proxy:3128")];
        let proxy = used("env", &environment);
        let known = proxy.credentials.clone().expect("they are known");
        assert_eq!((&*known.user, &*known.password), ("me@home", "hush%"));
        assert!(!format!("{proxy:?} {proxy}").contains("hush"));
        let error = of(Some("env"), &[("HTTPS_PROXY", "ftp://me:hush@proxy")]).expect_err("ftp");
        assert!(
            error.contains("HTTPS_PROXY") && !error.contains("hush"),
            "{error}"
        );
        let long = "p".repeat(256);
        for (user, password) in [("a:b", ""), ("me", long.as_str())] {
            let environment = [(USER, user), (PASSWORD, password)];
            assert!(of(Some("socks5://proxy"), &environment).is_err());
        }
    }

    #[test]
    fn the_environment_is_used_only_where_it_is_asked_for() {
        let environment = [
            ("HTTPS_PROXY", "proxy.example.com:3128"),
            ("ALL_PROXY", "socks5://other"),
        ];
        let proxies = of(None, &environment).expect("it is right");
        assert!(proxies.used.is_none());
        let unused = proxies.unused.expect("it is known");
        assert_eq!(unused.to_string(), "http://proxy.example.com:3128");
        assert_eq!(used("env", &environment).to_string(), unused.to_string());
        assert_eq!(
            used("env", &environment[1..]).to_string(),
            "socks5://other:1080"
        );
        let none = of(Some("env"), &[("HTTPS_PROXY", " ")]).expect("it is right");
        assert!(none.used.is_none());
        let unusable = of(None, &[("HTTPS_PROXY", "https://proxy:1")]).expect("it is right");
        assert!(unusable.unused.is_none());
    }

    #[test]
    fn no_proxy_names_hosts_and_what_is_below_them() {
        let proxy = used(
            "env",
            &[
                ("https_proxy", "http://proxy:3128"),
                (
                    "NO_PROXY",
                    "localhost, .corp.example.com,*.lan,192.0.2.0/24,2001:db8::1,a b!",
                ),
            ],
        );
        for (host, carries) in [
            ("mail.example.com", true),
            ("corp.example.com", false),
            ("ex01.corp.example.com.", false),
            ("notcorp.example.com", true),
            ("ex01.lan", false),
            ("localhost", false),
            ("192.0.2.9", false),
            ("198.51.100.1", true),
            ("2001:db8::1", false),
        ] {
            let host = targets::host(host).expect("a host");
            assert_eq!(proxy.carries(&host), carries, "{host}");
        }
        let all = used("env", &[("all_proxy", "http://proxy:1"), ("no_proxy", "*")]);
        assert!(!all.carries(&Host::Name("mail.example.com".to_owned())));
    }
}
