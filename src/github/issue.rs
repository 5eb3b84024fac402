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
    /// What its author is to the repository, as GitHub tells.
    #[serde(default, rename = "authorAssociation")]
    association: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Author {
    pub(super) login: String,
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

/// What people are to a repository who can write to it.
const WRITERS: [&str; 3] = ["OWNER", "MEMBER", "COLLABORATOR"];

/// Tells whether what GitHub says somebody is to a repository means that they can write to it.
pub(super) fn is_writer(association: &str) -> bool {
    WRITERS.contains(&association)
}

impl Issue {
    /// Writes it as one text, with the comments of everybody, or of people who can write to the repository. Of whom GitHub tells
    /// nothing is nobody.
    pub fn text(&self, everybody: bool) -> String {
        let mut text = format!("{}\n\n{}\n", self.title, self.body.trim());
        let is_taken = |comment: &&Comment| everybody || is_writer(&comment.association);
        let left = self.comments.iter().filter(|comment| !is_taken(comment)).count();
        for comment in self.comments.iter().filter(is_taken) {
            let author = comment.author.as_ref().map_or("somebody", |author| author.login.as_str());
            text.push_str(&format!("\ncomment of {author}:\n{}\n", comment.body.trim()));
        }
        if left > 0 {
            text.push_str(&format!(
                "\n({left} more, of people who cannot write to the repository, left out)\n"
            ));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_of_people_who_cannot_write_are_left_out_unless_asked_for() {
        let comment = |who: &str| serde_json::json!({"author": {"login": who}, "body": format!("says {who}"), "authorAssociation": who});
        let mut comments: Vec<_> =
            ["OWNER", "MEMBER", "COLLABORATOR", "CONTRIBUTOR", "FIRST_TIMER", "NONE", "owner", ""]
                .map(comment)
                .into();
        comments.push(serde_json::json!({"author": null, "body": "says nobody"}));
        let issue = serde_json::json!({"title": "T", "body": "says the issue", "comments": comments});
        let issue: Issue = serde_json::from_value(issue).unwrap();
        let said = |text: &str| {
            text.lines().filter(|line| line.starts_with("says")).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(
            said(&issue.text(false)),
            ["says the issue", "says OWNER", "says MEMBER", "says COLLABORATOR"]
        );
        assert!(issue.text(false).contains("(6 more, of people who cannot write"));
        assert_eq!(said(&issue.text(true)).len(), 10);
        assert!(!issue.text(true).contains("left out"));
    }
}
