//! Takes the words by which a model's server refuses, gives the class. The two wire formats have one form for them.

use serde_json::Value;

use super::Class;

/// Characters of a server's words that are kept.
const KEPT: usize = 500;

/// What a server says of an error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::network) struct Said {
    /// Its code or type.
    pub(in crate::network) code: String,
    pub(in crate::network) message: String,
}

/// What codes and messages hold, in the order in which it is looked for.
const SIGNS: [(&str, Class); 18] = [
    ("insufficient_quota", Class::Quota),
    ("exceeded your current quota", Class::Quota),
    ("usage_limit_reached", Class::Quota),
    ("usage_not_included", Class::Quota),
    ("billing_error", Class::Quota),
    ("credit balance is too low", Class::Quota),
    ("invalid_api_key", Class::Key),
    ("authentication_error", Class::Key),
    ("permission_error", Class::Key),
    ("model_not_found", Class::Model),
    ("context_length_exceeded", Class::Context),
    ("prompt is too long", Class::Context),
    ("request_too_large", Class::Context),
    ("rate_limit", Class::RateLimit),
    ("overloaded", Class::Overloaded),
    ("slow_down", Class::Overloaded),
    ("server_error", Class::Unreachable),
    ("api_error", Class::Unreachable),
];

impl Said {
    /// Reads the body of an answer that refuses, whatever it is.
    pub(in crate::network) fn read(body: &[u8]) -> Self {
        let Ok(value) = serde_json::from_slice::<Value>(body) else {
            return Self { code: String::new(), message: short(&String::from_utf8_lossy(body)) };
        };
        Self::of(value.get("error").unwrap_or(&value))
    }

    /// Reads the error of an event.
    pub(in crate::network) fn of(error: &Value) -> Self {
        let text = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
        let message = error.as_str().unwrap_or_else(|| match text("message") {
            "" => text("detail"),
            message => message,
        });
        // Where both are there, they say different things.
        Self { code: format!("{} {}", text("code"), text("type")).trim().to_owned(), message: short(message) }
    }

    /// Puts it into a class, with the status if it came with one that refuses.
    pub(in crate::network) fn class(&self, status: Option<u16>) -> Class {
        let (code, message) = (self.code.to_lowercase(), self.message.to_lowercase());
        let sign = SIGNS.iter().find(|(sign, _)| code.contains(sign) || message.contains(sign));
        let sign = sign.map(|(_, class)| *class);
        let of_model = || message.contains("model") || code.contains("model");
        match (status, sign) {
            (Some(300..=399), _) => Class::Redirect,
            (_, Some(Class::Quota)) | (Some(402), _) => Class::Quota,
            (Some(401 | 403), _) => Class::Key,
            (Some(404), _) if of_model() => Class::Model,
            (Some(404), _) => Class::Missing,
            (Some(429), _) => Class::RateLimit,
            (Some(529), _) => Class::Overloaded,
            (Some(413), _) => Class::Context,
            (_, Some(class)) => class,
            (Some(408 | 500..), None) => Class::Unreachable,
            (Some(_) | None, None) => Class::Other,
        }
    }
}

/// Shortens what a server said, for one line.
fn short(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().take(KEPT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_servers_say_is_put_into_classes() {
        let open_ai = |code: &str, message: &str| {
            serde_json::json!({"error": {"message": message, "type": "x", "code": code}}).to_string()
        };
        let anthropic = |kind: &str, message: &str| {
            serde_json::json!({"type": "error", "error": {"type": kind, "message": message}}).to_string()
        };
        for (status, body, class) in [
            (401, open_ai("invalid_api_key", "Incorrect API key provided"), Class::Key),
            (403, String::new(), Class::Key),
            (401, anthropic("authentication_error", "invalid x-api-key"), Class::Key),
            (404, open_ai("model_not_found", "The model `m` does not exist"), Class::Model),
            (404, anthropic("not_found_error", "model: m"), Class::Model),
            (404, "<html>no such page</html>".to_owned(), Class::Missing),
            (429, open_ai("rate_limit_exceeded", "Rate limit reached"), Class::RateLimit),
            (429, anthropic("rate_limit_error", "This would exceed your rate limit"), Class::RateLimit),
            (429, String::new(), Class::RateLimit),
            (429, open_ai("insufficient_quota", "You exceeded your current quota"), Class::Quota),
            (429, r#"{"error":{"type":"usage_limit_reached"}}"#.to_owned(), Class::Quota),
            (402, String::new(), Class::Quota),
            (
                400,
                anthropic("invalid_request_error", "Your credit balance is too low to access"),
                Class::Quota,
            ),
            (
                400,
                anthropic("invalid_request_error", "prompt is too long: 9 tokens > 8 maximum"),
                Class::Context,
            ),
            (400, open_ai("context_length_exceeded", "too long"), Class::Context),
            (413, anthropic("request_too_large", "x"), Class::Context),
            (529, anthropic("overloaded_error", "Overloaded"), Class::Overloaded),
            (529, String::new(), Class::Overloaded),
            (503, open_ai("slow_down", "Slow down"), Class::Overloaded),
            (500, anthropic("api_error", "Internal server error"), Class::Unreachable),
            (502, "bad gateway".to_owned(), Class::Unreachable),
            (307, String::new(), Class::Redirect),
            (400, open_ai("", "Unknown parameter"), Class::Other),
        ] {
            assert_eq!(Said::read(body.as_bytes()).class(Some(status)), class, "{status} {body}");
        }
        for (code, class) in [
            ("rate_limit_exceeded", Class::RateLimit),
            ("overloaded_error", Class::Overloaded),
            ("insufficient_quota", Class::Quota),
            ("context_length_exceeded", Class::Context),
            ("server_error", Class::Unreachable),
            ("invalid_prompt", Class::Other),
        ] {
            let said = Said { code: code.to_owned(), message: String::new() };
            assert_eq!(said.class(None), class, "{code} in the middle of an answer");
        }
    }

    #[test]
    fn words_are_short_and_of_one_line() {
        let said = Said::read(format!("one\n two{}", "\u{e9}".repeat(9999)).as_bytes());
        assert!(said.message.starts_with("one two") && said.message.chars().count() == KEPT);
        assert_eq!(Said::read(br#"{"error":"text"}"#).message, "text");
        assert_eq!(Said::read(br#"{"detail":"text"}"#).message, "text");
        assert_eq!(Said::read(b"[1]"), Said::default());
    }
}
