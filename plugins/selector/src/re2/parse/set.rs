//! Character classes in brackets. Brackets, `&&`, `--` and `~~` inside of one stand for themselves.

use super::Parser;
use crate::re2::{
    PatternError,
    class::{self, Class},
    unicode, wrong,
};

impl Parser<'_> {
    /// `[…]` or `[^…]`
    pub(super) fn set(&mut self) -> Result<(), PatternError> {
        let whole = self.rest;
        self.advance(1);
        let negated = self.rest.starts_with('^');
        self.advance(usize::from(negated));
        let mut class = Class::default();
        let mut first = true;
        while first || !self.rest.starts_with(']') {
            first = false;
            self.member(&mut class, whole)?;
        }
        self.advance(1);
        class.tidy();
        self.push_class(if negated { class.negated() } else { class });
        Ok(())
    }

    /// One class, character or range.
    fn member(&mut self, class: &mut Class, whole: &str) -> Result<(), PatternError> {
        if let Some(named) = self.rest.strip_prefix("[:")
            && let Some(end) = named.find(":]")
        {
            let part = self.rest.get(..end + 4).unwrap_or(self.rest);
            let known = class::posix(named.get(..end).unwrap_or(""), self.flags.fold);
            class.add_all(&known.ok_or_else(|| wrong("invalid character class range", part))?);
            self.advance(end + 4);
            return Ok(());
        }
        if self.rest.starts_with("\\p") || self.rest.starts_with("\\P") {
            class.add_all(&self.unicode_class()?);
            return Ok(());
        }
        if let Some(letter) = self.rest.strip_prefix('\\').and_then(|rest| rest.chars().next())
            && let Some(perl) = class::perl(letter, self.flags.fold)
        {
            self.advance(2);
            class.add_all(&perl);
            return Ok(());
        }
        self.range(class, whole)
    }

    /// `a` or `a-z`; a `-` before the closing bracket stands for itself.
    fn range(&mut self, class: &mut Class, whole: &str) -> Result<(), PatternError> {
        let start = self.rest;
        let low = self.bound(whole)?;
        let mut high = low;
        if let Some(after) = self.rest.strip_prefix('-')
            && !after.is_empty()
            && !after.starts_with(']')
        {
            self.advance(1);
            high = self.bound(whole)?;
            if high < low {
                let part = start.get(..start.len() - self.rest.len()).unwrap_or(start);
                return Err(wrong("invalid character class range", part));
            }
        }
        let mut range = Class::default();
        range.add(low, high);
        if self.flags.fold {
            range = if low == high { unicode::orbit(low) } else { range.folded(true) };
        }
        class.add_all(&range);
        Ok(())
    }

    fn bound(&mut self, whole: &str) -> Result<u32, PatternError> {
        match self.rest.chars().next() {
            None => Err(wrong("missing closing ]", whole)),
            Some('\\') => self.escaped_character(),
            Some(c) => {
                self.advance(c.len_utf8());
                Ok(u32::from(c))
            }
        }
    }
}
