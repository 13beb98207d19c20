//! One log line for each mark and each deletion, with the message `audit`: what became of which block, who decided it,
//! and why. Whoever keeps the lines with this message knows of everything that was taken out of a bucket.

use lithify_block::{BlockId, rails::RetentionRule};

/// Who decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Author {
    /// A retention rule's name, the kind of another policy, or the part of this program.
    pub by: String,
    /// The policy as configured; empty if it was none.
    pub plugin: String,
    /// The policy's own version.
    pub version: String,
    /// SHA-256 of its component, hexadecimal.
    pub sha256: String,
}

/// What became of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// It has a new deletion mark.
    MarkedForDeletion,
    /// It has a new no-compact mark.
    MarkedNoCompact,
    /// Its deletion mark was removed.
    Unmarked,
    /// Its objects are gone.
    Deleted,
    /// The objects of an upload that was broken off are gone.
    CleanedUp,
}

impl Author {
    /// A part of this program.
    #[must_use]
    pub fn program(part: &str) -> Self {
        Self { by: part.to_owned(), ..Self::default() }
    }

    /// A retention rule.
    #[must_use]
    pub fn rule(rule: &RetentionRule) -> Self {
        let RetentionRule { name, plugin, version, digest, .. } = rule.clone();
        Self { by: name, plugin, version, sha256: digest }
    }

    /// Writes the line.
    pub fn tell(&self, act: Act, block: BlockId, reason: &str) {
        let Self { by, plugin, version, sha256 } = self;
        // What no policy decided has no plugin to name.
        let of_plugin = |text: &str| (!plugin.is_empty()).then(|| text.to_owned());
        tracing::info!(
            target: "lithify::audit",
            act = act.name(), block = %block, by, plugin = of_plugin(plugin), version = of_plugin(version),
            sha256 = of_plugin(sha256), reason,
            "audit"
        );
    }
}

impl Act {
    fn name(self) -> &'static str {
        match self {
            Self::MarkedForDeletion => "marked-for-deletion",
            Self::MarkedNoCompact => "marked-no-compact",
            Self::Unmarked => "unmarked",
            Self::Deleted => "deleted",
            Self::CleanedUp => "cleaned-up",
        }
    }
}
