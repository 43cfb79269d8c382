//! One page of a list of objects, as S3 answers it.
//!
//! `object_store` can list, too, but takes the slash off the end of a key, by which a folder's marker is told from a file.

use serde::Deserialize;

/// A page.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", rename = "ListBucketResult")]
pub(super) struct Page {
    #[serde(default)]
    pub(super) contents: Vec<Listed>,
    /// Where the next page begins, unless this is the last.
    pub(super) next_continuation_token: Option<String>,
    #[serde(default)]
    is_truncated: bool,
}

/// An object of it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Listed {
    pub(super) key: String,
    /// In bytes.
    pub(super) size: u64,
}

impl Page {
    /// Reads a page, or says what is wrong with it.
    pub(super) fn parse(text: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(text).map_err(|_| "it is not UTF-8".to_owned())?;
        let page: Self = quick_xml::de::from_str(text).map_err(|error| error.to_string())?;
        if page.is_truncated && page.next_continuation_token.is_none() {
            return Err("it is not the last page and does not lead to the next".to_owned());
        }
        Ok(page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_as_aws_writes_it() {
        let text = r#"<?xml version="1.0" encoding="UTF-8"?>
            <ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><Prefix>s/</Prefix>
            <NextContinuationToken>a+b/c=</NextContinuationToken><KeyCount>2</KeyCount><MaxKeys>2</MaxKeys>
            <IsTruncated>true</IsTruncated>
            <Contents><Key>s/</Key><LastModified>2026-11-29T00:00:00.000Z</LastModified><Size>0</Size></Contents>
            <Contents><Key>s/ a+b%2B&amp;ü&#xA;</Key><ETag>&quot;x&quot;</ETag><Size>12</Size></Contents>
            </ListBucketResult>"#;
        let page = Page::parse(text.as_bytes()).unwrap();
        assert_eq!(page.next_continuation_token.as_deref(), Some("a+b/c="));
        let keys: Vec<_> = page.contents.iter().map(|listed| (&*listed.key, listed.size)).collect();
        assert_eq!(keys, [("s/", 0), ("s/ a+b%2B&ü\n", 12)]);
    }

    #[test]
    fn what_is_no_page_says_why() {
        assert!(Page::parse(b"").is_err());
        assert!(Page::parse(b"<html><body>hello</body>").is_err());
        assert!(Page::parse(b"\xff").is_err());
        let cut = "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>";
        assert!(Page::parse(cut.as_bytes()).unwrap_err().contains("does not lead to the next"));
        let size = "<ListBucketResult><Contents><Key>a</Key><Size>-1</Size></Contents></ListBucketResult>";
        assert!(Page::parse(size.as_bytes()).is_err());
    }
}
