//! The time zone in which people here read times.

use k8s_openapi::jiff::tz::TimeZone;

const DATABASE: &str = "/usr/share/zoneinfo";

/// As TZ says, else as the machine is set up; UTC if neither can be understood.
pub fn local() -> TimeZone {
    let named = match std::env::var("TZ") {
        Err(_) => file("/etc/localtime"),
        Ok(name) => of_name(name.strip_prefix(':').unwrap_or(&name)),
    };
    named.unwrap_or(TimeZone::UTC)
}

/// A name of the database, a file, or a rule of its own (`CET-1CEST,M3.5.0,M10.5.0/3`).
fn of_name(name: &str) -> Option<TimeZone> {
    match name {
        "" | "UTC" => Some(TimeZone::UTC),
        path if path.starts_with('/') => file(path),
        name if !name.contains("..") => {
            file(&format!("{DATABASE}/{name}")).or_else(|| TimeZone::posix(name).ok())
        }
        _ => None,
    }
}

fn file(path: &str) -> Option<TimeZone> {
    TimeZone::tzif("local", &std::fs::read(path).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_a_zone() {
        let zone = of_name("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let winter = "2026-01-31T12:00:00Z".parse().unwrap();
        assert_eq!(zone.to_offset(winter).seconds(), 3600);
        assert_eq!(of_name("../etc/passwd"), None);
    }
}
