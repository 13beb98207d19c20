//! Configuration that is given as a file or as text, with environment variables put in.

use std::path::PathBuf;

use thiserror::Error;

/// How one environment variable is looked up; tests pass a table.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A pair of flags `--NAME-file=<path>` and `--NAME=<content>`, as typed; empty means not given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathOrContent {
    /// Name of the flag that takes the content, without dashes.
    pub flag: &'static str,
    /// What was given to `--NAME-file`.
    pub path: String,
    /// What was given to `--NAME`.
    pub content: String,
}

/// Why there is no content.
#[derive(Debug, Error)]
pub enum ContentError {
    /// Both flags of the pair are set.
    #[error("both {0}-file and {0} flags set.")]
    Both(&'static str),
    /// The file cannot be read.
    #[error("loading file {} for {flag}-file", path.display())]
    File {
        /// Name of the flag that takes the content.
        flag: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// `$(VAR)` names a variable that is not there.
    #[error("found reference to unset environment variable \"{0}\"")]
    UnsetVariable(String),
}

impl PathOrContent {
    /// Returns the content of the file or the text, every `$(VAR)` replaced; empty when neither was given.
    ///
    /// # Errors
    /// [`ContentError`]: both given, the file not readable as UTF-8, or a variable not set.
    ///
    /// Source: compactor specification 0.3, `PoC`.
    pub fn read(&self, environment: Environment<'_>) -> Result<String, ContentError> {
        if self.path.is_empty() {
            return substitute(&self.content, environment);
        }
        if !self.content.is_empty() {
            return Err(ContentError::Both(self.flag));
        }
        let content = std::fs::read_to_string(&self.path).map_err(|source| ContentError::File {
            flag: self.flag,
            path: PathBuf::from(&self.path),
            source,
        })?;
        substitute(&content, environment)
    }
}

/// Replaces every `$(VAR)`; what is put in is not looked at again.
fn substitute(content: &str, environment: Environment<'_>) -> Result<String, ContentError> {
    let mut out = String::with_capacity(content.len());
    let mut rest = content;
    while let Some((before, after)) = rest.split_once("$(") {
        out.push_str(before);
        let length = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
        let (name, behind) = after.split_at(length);
        match behind.strip_prefix(')') {
            Some(behind) if !name.is_empty() => {
                out.push_str(&environment(name).ok_or_else(|| ContentError::UnsetVariable(name.to_owned()))?);
                rest = behind;
            }
            _ => {
                out.push_str("$(");
                rest = after;
            }
        }
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(name: &str) -> Option<String> {
        match name {
            "A" => Some("alpha".to_owned()),
            "B_1" => Some("$(A)".to_owned()),
            "1" => Some("one".to_owned()),
            _ => None,
        }
    }

    #[test]
    fn variables_are_put_in_once_and_anything_else_stays() {
        for (content, expected) in [
            ("", ""),
            ("no variable", "no variable"),
            ("$(A)", "alpha"),
            ("<$(A)|$(B_1)>", "<alpha|$(A)>"),
            ("$(1)", "one"),
            ("$1 ${A} $() $(A-B) $( A) $(A", "$1 ${A} $() $(A-B) $( A) $(A"),
            ("$($(A)", "$(alpha"),
            ("µ$(A)µ", "µalphaµ"),
        ] {
            assert_eq!(substitute(content, &environment).unwrap(), expected, "{content}");
        }
    }

    #[test]
    fn an_unset_variable_is_an_error() {
        let pair = PathOrContent { flag: "objstore.config", path: String::new(), content: "$(NO_SUCH_VAR)".to_owned() };
        let message = pair.read(&environment).unwrap_err().to_string();
        assert_eq!(message, "found reference to unset environment variable \"NO_SUCH_VAR\"");
    }

    #[test]
    fn both_flags_are_an_error_even_when_the_file_is_not_there() {
        let pair = PathOrContent { flag: "objstore.config", path: "/none".to_owned(), content: "x".to_owned() };
        let message = pair.read(&environment).unwrap_err().to_string();
        assert_eq!(message, "both objstore.config-file and objstore.config flags set.");
    }

    #[test]
    fn a_file_that_is_not_there_is_named_with_its_flag() {
        let pair = PathOrContent { flag: "plugins.config", path: "/none/x.yaml".to_owned(), content: String::new() };
        let error = pair.read(&environment).unwrap_err();
        assert_eq!(error.to_string(), "loading file /none/x.yaml for plugins.config-file");
        assert!(crate::logging::chain(&error).contains("No such file"));
    }

    #[test]
    fn neither_flag_gives_empty_content() {
        assert_eq!(PathOrContent::default().read(&environment).unwrap(), "");
    }
}
