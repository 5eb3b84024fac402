//! An issue, as people wrote it.

use std::time::Duration;

use serde::Deserialize;

use super::{Failure, Gh};

/// An issue with its comments.
#[derive(Debug, Clone, Deserialize)]
pub struct Issue {
    /// Its title.
    pub title: String,
    /// Its text.
    #[serde(default)]
    pub body: String,
    /// What was said about it.
    #[serde(default)]
    pub comments: Vec<Comment>,
}

/// A comment.
#[derive(Debug, Clone, Deserialize)]
pub struct Comment {
    author: Option<Author>,
    body: String,
}

#[derive(Debug, Clone, Deserialize)]
struct Author {
    login: String,
}

impl Gh {
    /// Reads an issue.
    pub async fn issue(&self, number: u64, time: Duration) -> Result<Issue, Failure> {
        let number = number.to_string();
        let json = self.call(&["issue", "view", &number, "--json", "title,body,comments"], "", time).await?;
        serde_json::from_str(&json)
            .map_err(|error| Failure::Other(format!("gh's answer is not understood: {error}")))
    }
}

impl Issue {
    /// Writes it as one text.
    pub fn text(&self) -> String {
        let mut text = format!("{}\n\n{}\n", self.title, self.body.trim());
        for comment in &self.comments {
            let author = comment.author.as_ref().map_or("somebody", |author| author.login.as_str());
            text.push_str(&format!("\ncomment of {author}:\n{}\n", comment.body.trim()));
        }
        text
    }
}
