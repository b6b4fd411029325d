//! In which form a reader wants an answer.

use axum::http::HeaderMap;
use axum::http::header::ACCEPT;

/// Whether a reader would rather have JSON than this other type: it asks for it by name, and for the other
/// no more than that.
pub(super) fn prefers_json(headers: &HeaderMap, other: &str) -> bool {
    let lists = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let ranges: Vec<_> = lists.flat_map(|list| list.split(',')).filter_map(range).collect();
    let wish = |of: &str| {
        let matching = ranges.iter().filter(|(range, _)| precision(range, of).is_some());
        // The most precise range that matches counts.
        matching
            .max_by_key(|(range, _)| precision(range, of))
            .map(|(range, quality)| (*quality, precision(range, of).unwrap_or_default()))
    };
    match (wish("application/json"), wish(other)) {
        (Some((0, _)) | None, _) => false,
        (Some(_), None) => true,
        (Some(json), Some(other)) => json > other,
    }
}

/// A media range and its quality in thousandths.
fn range(text: &str) -> Option<(String, u32)> {
    let mut parts = text.split(';');
    let range = parts.next()?.trim().to_ascii_lowercase();
    let quality =
        parts.filter_map(|part| part.trim().strip_prefix("q=")?.parse::<f32>().ok()).next();
    let quality = quality.unwrap_or(1.0).clamp(0.0, 1.0);
    (!range.is_empty()).then_some((range, (quality * 1_000.0) as u32))
}

/// How precisely a range names a type; `None` if it does not.
fn precision(range: &str, of: &str) -> Option<u8> {
    let kind = of.split('/').next().unwrap_or_default();
    if range == of {
        Some(2)
    } else if range.strip_suffix("/*") == Some(kind) {
        Some(1)
    } else {
        (range == "*/*").then_some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_given_to_those_who_ask_for_it() {
        let is_json = |accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, accept.parse().unwrap());
            prefers_json(&headers, "multipart/mixed")
        };
        for accept in [
            "application/json",
            "Application/JSON; q=0.5",
            "application/json, */*",
            "application/json, text/plain, */*",
            "application/*",
            "multipart/mixed;q=0.5, application/json",
        ] {
            assert!(is_json(accept), "{accept}");
        }
        for accept in [
            "*/*",
            "",
            "multipart/mixed",
            "multipart/mixed, application/json;q=0.9",
            "multipart/mixed, application/json",
            "application/json;q=0, */*",
            "text/html",
        ] {
            assert!(!is_json(accept), "{accept}");
        }
        assert!(!prefers_json(&HeaderMap::new(), "multipart/mixed"));
    }
}
