//! What a request gets: a file, or a few words.

use std::fs::{self, File};
use std::path::Path;
use std::time::SystemTime;

use crate::clock::{http_date, split};

use super::request::{Request, path};

/// An answer before it is sent.
pub struct Answer {
    pub status: u16,
    /// Further header lines, each with its line end.
    pub headers: String,
    pub body: Body,
}

pub enum Body {
    Text(String),
    File(File, u64),
}

impl Body {
    pub fn length(&self) -> u64 {
        match self {
            Body::Text(text) => text.len() as u64,
            Body::File(_, length) => *length,
        }
    }
}

impl Answer {
    pub fn words(status: u16, text: impl Into<String>) -> Self {
        Answer {
            status,
            headers: "Content-Type: text/plain; charset=utf-8\r\n".to_owned(),
            body: Body::Text(text.into()),
        }
    }

    pub fn failure(status: u16) -> Self {
        Answer::words(status, format!("{status} {}\n", reason(status)))
    }

    /// The status line and all headers.
    pub fn head(&self, keep_alive: bool) -> String {
        let connection = if keep_alive { "keep-alive" } else { "close" };
        let (seconds, _) = split(SystemTime::now());
        format!(
            "HTTP/1.1 {} {}\r\nDate: {}\r\nServer: wasmpod-toolbox\r\nConnection: {connection}\r\nContent-Length: {}\r\n{}\r\n",
            self.status,
            reason(self.status),
            http_date(seconds),
            self.body.length(),
            self.headers,
        )
    }
}

/// Answers from the files below `root`.
pub fn answer(request: &Request, root: &Path) -> Answer {
    if !matches!(request.method.as_str(), "GET" | "HEAD") {
        let mut refusal = Answer::failure(405);
        refusal.headers.push_str("Allow: GET, HEAD\r\n");
        return refusal;
    }
    let Some(relative) = path(&request.target) else {
        return Answer::failure(403);
    };
    // For the pod's probes, whatever is served.
    if relative == "healthz" {
        return Answer::words(200, "ok\n");
    }
    let full = root.join(&relative);
    match fs::metadata(&full) {
        Ok(meta) if meta.is_dir() && !has_trailing_slash(&request.target) => {
            redirect_into(&relative)
        }
        Ok(meta) if meta.is_dir() => file(&full.join("index.html")),
        Ok(_) => file(&full),
        Err(_) => Answer::failure(404),
    }
}

fn has_trailing_slash(target: &str) -> bool {
    target
        .split(['?', '#'])
        .next()
        .is_some_and(|path| path.ends_with('/'))
}

/// Relative links in a directory's page are right only when its address ends in a slash.
fn redirect_into(relative: &str) -> Answer {
    let mut redirect = Answer::failure(301);
    let encoded: String = relative
        .bytes()
        .map(|byte| match byte {
            b'/' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
            _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect();
    redirect
        .headers
        .push_str(&format!("Location: /{encoded}/\r\n"));
    redirect
}

fn file(path: &Path) -> Answer {
    let opened = File::open(path).and_then(|file| Ok((file.metadata()?, file)));
    let Ok((meta, file)) = opened else {
        return Answer::failure(if path.exists() { 403 } else { 404 });
    };
    if meta.is_dir() {
        return Answer::failure(404);
    }
    let mut headers = format!("Content-Type: {}\r\n", content_type(path));
    if let Ok(modified) = meta.modified() {
        headers.push_str(&format!(
            "Last-Modified: {}\r\n",
            http_date(split(modified).0)
        ));
    }
    Answer {
        status: 200,
        headers,
        body: Body::File(file, meta.len()),
    }
}

fn content_type(path: &Path) -> &'static str {
    let extension = path
        .extension()
        .unwrap_or_default()
        .to_string_lossy()
        .to_ascii_lowercase();
    match extension.as_str() {
        "html" | "htm" => "text/html; charset=utf-8",
        "txt" | "log" | "md" => "text/plain; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "csv" => "text/csv; charset=utf-8",
        "json" | "map" => "application/json",
        "xml" => "application/xml",
        "yaml" | "yml" => "application/yaml",
        "wasm" => "application/wasm",
        "pdf" => "application/pdf",
        "zip" => "application/zip",
        "gz" | "tgz" => "application/gzip",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "mp4" => "video/mp4",
        "mp3" => "audio/mpeg",
        _ => "application/octet-stream",
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        301 => "Moved Permanently",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        431 => "Request Header Fields Too Large",
        _ => "Error",
    }
}
