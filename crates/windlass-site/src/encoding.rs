//! Whether a visitor takes gzip.

use http::{HeaderMap, header};

/// Whether `Accept-Encoding` allows gzip and does not like the plain form better. A weight that cannot be read is 0.
pub(crate) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let (mut gzip, mut identity, mut any) = (None, None, None);
    let values = headers.get_all(header::ACCEPT_ENCODING).into_iter().filter_map(|value| value.to_str().ok());
    for item in values.flat_map(|value| value.split(',')) {
        let (coding, weight) = item.split_once(';').unwrap_or((item, "q=1"));
        match coding.trim().to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => gzip = Some(thousandths(weight)),
            "identity" => identity = Some(thousandths(weight)),
            "*" => any = Some(thousandths(weight)),
            _ => {}
        }
    }
    let gzip = gzip.or(any).unwrap_or(0);
    gzip > 0 && gzip >= identity.unwrap_or(0)
}

/// The weight of `q=0.5`, at most 1 with at most three decimals, as 500.
fn thousandths(weight: &str) -> u16 {
    let Some((name, number)) = weight.split_once('=') else { return 0 };
    let (whole, decimals) = number.trim().split_once('.').unwrap_or((number.trim(), ""));
    if !name.trim().eq_ignore_ascii_case("q") || decimals.len() > 3 || !decimals.bytes().all(|b| b.is_ascii_digit()) {
        return 0;
    }
    match whole {
        "0" => format!("{decimals:0<3}").parse().unwrap_or(0),
        "1" if decimals.bytes().all(|b| b == b'0') => 1000,
        _ => 0,
    }
}
