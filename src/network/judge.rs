//! Takes a request for the model, tells what speaks against passing it on. Whatever runs in a step can ask, and a
//! model's server does more than answer: it searches, calls servers, fetches addresses. That would be a way out which
//! the step's `network` does not give. So what an agent needs is known here, and nothing else goes out.

use std::borrow::Cow;
use std::fmt;

use hyper::header::HeaderMap;
use serde::de::{
    DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor,
};

/// Headers that an agent sends; beside them those that begin with [`OWN`].
const HEADERS: [&str; 10] = [
    "accept",
    "conversation_id",
    "openai-beta",
    "originator",
    "session-id",
    "session_id",
    "thread-id",
    "user-agent",
    "x-client-request-id",
    "x-openai-subagent",
];
const OWN: &str = "x-codex-";

/// Fields of a request whose content does nothing by itself.
const PLAIN: [&str; 10] = [
    "client_metadata",
    "include",
    "model",
    "parallel_tool_calls",
    "prompt_cache_key",
    "reasoning",
    "service_tier",
    "stream",
    "stream_options",
    "text",
];

/// Tools that the agent itself carries out. All others are the server's.
const LOCAL: [&str; 5] = ["custom", "function", "local_shell", "namespace", "tool_search"];

/// Returns the headers that an agent needs. Whom to bill is none of them.
pub(super) fn known(headers: &HeaderMap) -> HeaderMap {
    let is_known = |name: &str| HEADERS.contains(&name) || name.starts_with(OWN);
    let known = headers.iter().filter(|(name, _)| is_known(name.as_str()));
    known.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Why a request is not passed on.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Objection {
    /// It asks for what a step does not get.
    #[error("not passed on: {0}")]
    Forbidden(String),
    /// Nobody can tell what it asks for.
    #[error("no JSON: {0}")]
    Unreadable(String),
}

/// Judges a request's body.
pub(super) fn judge(body: &[u8]) -> Result<(), Objection> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let read = Part::Request.deserialize(&mut reader).and_then(|()| reader.end());
    read.map_err(|error| {
        let kind = if error.is_data() { Objection::Forbidden } else { Objection::Unreadable };
        kind(error.to_string())
    })
}

/// A part of a request: which one says what may be in it. It is judged as it is read and never kept, so that one
/// which names a field twice hides nothing, and a large one takes no memory.
#[derive(Debug, Clone, Copy)]
enum Part {
    Request,
    /// Whether the server keeps the answer; it does unless it is told not to.
    Store,
    Tools,
    Tool,
    /// The `type` of a tool.
    Kind,
    /// Messages, and what is in them.
    Content,
    /// What the server would fetch, unless it is there in full.
    Address,
}

impl Part {
    /// Returns what a member is; nothing if it does nothing.
    fn member<E: Error>(self, name: &str) -> Result<Option<Self>, E> {
        // Some servers take a name in other letters for the same.
        let name = name.to_ascii_lowercase();
        Ok(match (self, &*name) {
            (_, "tools") => Some(Self::Tools),
            (Self::Request, "store") => Some(Self::Store),
            (Self::Request, "input" | "instructions" | "tool_choice") => Some(Self::Content),
            (Self::Request, plain) if PLAIN.contains(&plain) => None,
            (Self::Request, other) => return Err(E::custom(format_args!("the field `{other}`"))),
            (Self::Tool, "type") => Some(Self::Kind),
            (Self::Tool, _) => None,
            (_, name) if name.ends_with("_url") => Some(Self::Address),
            _ => Some(Self::Content),
        })
    }

    /// Says what it has to name at least.
    fn needs(self) -> Option<&'static str> {
        match self {
            Self::Request => Some("store"),
            Self::Tool => Some("type"),
            _ => None,
        }
    }

    /// Takes what holds nothing further: content may be anything.
    fn plain<E: Error>(self, found: Unexpected<'_>) -> Result<(), E> {
        if matches!(self, Self::Content) { Ok(()) } else { Err(E::invalid_type(found, &self)) }
    }
}

impl<'de> DeserializeSeed<'de> for Part {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Part {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Request => "a request",
            Self::Store => "`store: false`",
            Self::Tools => "a list of tools",
            Self::Tool => "a tool",
            Self::Kind => "the type of a tool",
            Self::Content => "content",
            Self::Address => "`data:…`",
        })
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        match self {
            Self::Tools | Self::Address => Ok(()),
            _ => self.plain(Unexpected::Unit),
        }
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        match self {
            Self::Store if !value => Ok(()),
            _ => self.plain(Unexpected::Bool(value)),
        }
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.plain(Unexpected::Unsigned(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.plain(Unexpected::Signed(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.plain(Unexpected::Float(value))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        match self {
            Self::Kind if LOCAL.contains(&text) => Ok(()),
            Self::Kind => {
                Err(E::custom(format_args!("the tool `{text}`, which the model's server carries out")))
            }
            Self::Address if text.starts_with("data:") => Ok(()),
            Self::Address => Err(E::custom("an address that the model's server fetches")),
            _ => self.plain(Unexpected::Str(text)),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let each = match self {
            Self::Tools => Self::Tool,
            Self::Content => Self::Content,
            _ => return Err(A::Error::invalid_type(Unexpected::Seq, &self)),
        };
        while items.next_element_seed(each)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        if !matches!(self, Self::Request | Self::Tool | Self::Content) {
            return Err(A::Error::invalid_type(Unexpected::Map, &self));
        }
        let mut needs = self.needs();
        while let Some(name) = members.next_key::<Cow<'de, str>>()? {
            needs = needs.filter(|needed| *needed != name);
            match self.member(&name)? {
                Some(part) => members.next_value_seed(part)?,
                None => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        needs.map_or(Ok(()), |needed| Err(A::Error::missing_field(needed)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What Codex sends, in short.
    fn of_codex() -> serde_json::Value {
        let function = json!({"type": "function", "name": "f", "strict": false,
            "parameters": {"type": "object", "properties": {"image_url": {"type": "string"}, "tools": {}}}});
        json!({
            "model": "m",
            "instructions": "read https://example.org",
            "input": [
                {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "background: true"}]},
                {"type": "additional_tools", "tools": [{"type": "namespace", "name": "n", "tools": [function]}]},
                {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{\"image_url\": \"https://x\"}"},
                {"type": "function_call_output", "call_id": "c", "output": [
                    {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": null},
                ]},
                {"type": "function_call_output", "call_id": "c", "output": "seen"},
            ],
            "tools": [function, {"type": "custom", "format": {"type": "grammar"}}, {"type": "tool_search", "execution": "client"}],
            "tool_choice": "auto",
            "parallel_tool_calls": true,
            "reasoning": {"effort": "medium"},
            "store": false,
            "stream": true,
            "include": ["reasoning.encrypted_content"],
            "prompt_cache_key": "k",
            "text": {"verbosity": "low"},
            "client_metadata": {"home_url": "https://example.org", "n": 1.5},
        })
    }

    #[test]
    fn what_an_agent_asks_is_passed_on() {
        assert_eq!(judge(of_codex().to_string().as_bytes()), Ok(()));
        assert_eq!(judge(br#"{"store":false,"tools":null,"input":"hello"}"#), Ok(()));
    }

    #[test]
    fn what_the_server_would_do_is_named_and_not_passed_on() {
        let image = |url: &str| json!([{"content": [{"type": "input_image", "image_url": url}]}]);
        for (field, value, named) in [
            ("tools", json!([{"type": "mcp", "server_url": "https://example.org"}]), "the tool `mcp`"),
            ("tools", json!([{"type": "web_search", "external_web_access": false}]), "the tool `web_search`"),
            ("tools", json!([{"type": "namespace", "tools": [{"type": "mcp"}]}]), "the tool `mcp`"),
            ("tools", json!([{"name": "f"}]), "`type`"),
            ("tools", json!({"type": "mcp"}), "expected a list of tools"),
            (
                "input",
                json!([{"type": "tool_search_output", "tools": [{"type": "shell"}]}]),
                "the tool `shell`",
            ),
            ("tool_choice", json!({"type": "allowed_tools", "tools": [{"type": "mcp"}]}), "the tool `mcp`"),
            ("input", image("https://example.org/?stolen"), "an address"),
            ("input", image("HTTP://example.org"), "an address"),
            ("input", json!([{"type": "input_file", "file_url": "https://example.org"}]), "an address"),
            ("input", json!([{"IMAGE_URL": {"url": "https://example.org"}}]), "`data:…`"),
            ("background", json!(true), "the field `background`"),
            ("prompt", json!({"id": "p"}), "the field `prompt`"),
            ("conversation", json!("c"), "the field `conversation`"),
            ("store", json!(true), "`store: false`"),
            ("store", json!(null), "`store: false`"),
        ] {
            let mut request = of_codex();
            request[field] = value;
            let judged = judge(request.to_string().as_bytes());
            assert!(
                matches!(&judged, Err(Objection::Forbidden(why)) if why.contains(named)),
                "{request}: {judged:?}"
            );
        }
    }

    #[test]
    fn nothing_is_hidden_by_how_it_is_written() {
        for body in [
            r#"{"store":false,"tools":[{"type":"mcp"}],"tools":[]}"#,
            r#"{"store":false,"tools":[{"type":"mcp","type":"function"}]}"#,
            r#"{"store":false,"store":true}"#,
            r#"{"store":false,"t\u006fols":[{"type":"mcp"}]}"#,
            r#"{"store":false,"tools":[{"t\u0079pe":"mcp"}]}"#,
            r#"{"store":false,"Tools":[{"Type":"mcp"}]}"#,
            r#"{"input":"it would be kept"}"#,
            "[]",
        ] {
            assert!(matches!(judge(body.as_bytes()), Err(Objection::Forbidden(_))), "{body}");
        }
        let deep = format!(r#"{{"store":false,"input":{}"#, "[".repeat(100_000));
        for body in [
            "",
            "model=m",
            r#"{"store":false} {"store":true}"#,
            "{\"store\":false,\"input\":\"\u{0}\"}",
            &deep,
        ] {
            assert!(matches!(judge(body.as_bytes()), Err(Objection::Unreadable(_))), "{}", body.len());
        }
    }

    #[test]
    fn of_the_headers_those_are_kept_that_an_agent_needs() {
        let mut headers = HeaderMap::new();
        for name in
            ["session-id", "x-codex-window-id", "openai-organization", "OpenAI-Project", "cookie", "x-own"]
        {
            headers.insert(
                name.to_ascii_lowercase().parse::<hyper::header::HeaderName>().unwrap(),
                "v".parse().unwrap(),
            );
        }
        let kept = known(&headers);
        let names: Vec<&str> = kept.keys().map(hyper::header::HeaderName::as_str).collect();
        assert_eq!(names.len(), 2, "{names:?}");
        assert!(names.contains(&"session-id") && names.contains(&"x-codex-window-id"), "{names:?}");
    }
}
