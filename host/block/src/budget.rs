//! What retention rules from outside may let go within seven days: kept in the bucket, one small object a run that marks
//! something, written before the first mark and never changed.
//!
//! Because no object is ever written twice, processes that work side by side cannot undo each other's entries, and a run
//! that was killed after it has reserved leaves too little to spend, never too much.
//!
//! Source: `policies.md` 5.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::{String, ToString},
    vec::Vec,
};

use serde_json::{Map, Value, json};

use crate::{BlockId, Timestamp};

/// How long what was let go counts: seven days, milliseconds.
pub const WINDOW_MS: i64 = 7 * 24 * 3_600_000;

const VERSION: i64 = 1;

/// What a run is about to mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// When it was reserved.
    pub at: Timestamp,
    /// The run, for people.
    pub run: String,
    /// By whom.
    pub spendings: Vec<Spending>,
}

/// What one rule is about to let go, of one tenant if it is asked tenant by tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spending {
    /// Whose budget pays.
    pub payer: Payer,
    /// The blocks with their bytes.
    pub blocks: BTreeMap<BlockId, u64>,
}

/// Who has a budget: a rule, or a rule for one tenant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Payer {
    /// The rule's name.
    pub rule: String,
    /// The tenant, if the rule is asked tenant by tenant.
    pub tenant: Option<String>,
}

/// Why a reservation cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BudgetError {
    /// The text is not JSON, or a member is missing or of the wrong type.
    #[error("it does not decode: {0}")]
    Json(String),
    /// A version that this release does not know.
    #[error("it has version {0}, supported is 1")]
    Version(i64),
}

impl Reservation {
    /// Decodes a reservation.
    ///
    /// # Errors
    /// [`BudgetError`] unless every member is there and right: what cannot be counted must not pass for nothing.
    pub fn from_json(text: &[u8]) -> Result<Self, BudgetError> {
        let value: Value = serde_json::from_slice(text).map_err(|error| BudgetError::Json(error.to_string()))?;
        let object = value.as_object().ok_or_else(|| BudgetError::Json("want an object".into()))?;
        match want(object, "version", Value::as_i64)? {
            VERSION => {}
            found => return Err(BudgetError::Version(found)),
        }
        let spendings = want(object, "spent", Value::as_array)?.iter().map(spending);
        Ok(Self {
            at: Timestamp(want(object, "at_ms", Value::as_i64)?),
            run: want(object, "run", Value::as_str)?.to_string(),
            spendings: spendings.collect::<Result<_, _>>()?,
        })
    }

    /// Prints it in one line.
    #[must_use]
    pub fn to_json(&self) -> String {
        let spent = self.spendings.iter().map(|spending| {
            let blocks = spending.blocks.iter().map(|(id, bytes)| (id.to_string(), Value::from(*bytes)));
            let mut printed = Map::new();
            printed.insert("rule".into(), Value::from(spending.payer.rule.as_str()));
            if let Some(tenant) = &spending.payer.tenant {
                printed.insert("tenant".into(), Value::from(tenant.as_str()));
            }
            printed.insert("blocks".into(), Value::Object(blocks.collect()));
            Value::Object(printed)
        });
        let spent: Vec<Value> = spent.collect();
        json!({ "version": VERSION, "run": self.run, "at_ms": self.at.0, "spent": spent }).to_string()
    }
}

fn spending(value: &Value) -> Result<Spending, BudgetError> {
    let object = value.as_object().ok_or_else(|| BudgetError::Json("spent: want objects".into()))?;
    let tenant = match object.get("tenant") {
        None => None,
        Some(_) => Some(want(object, "tenant", Value::as_str)?.to_string()),
    };
    let blocks = want(object, "blocks", Value::as_object)?.iter().map(|(id, bytes)| {
        let wrong = || BudgetError::Json(format!("blocks: want ULIDs with their bytes, not {id:?}: {bytes}"));
        Ok((id.parse::<BlockId>().map_err(|_| wrong())?, bytes.as_u64().ok_or_else(wrong)?))
    });
    Ok(Spending {
        payer: Payer { rule: want(object, "rule", Value::as_str)?.to_string(), tenant },
        blocks: blocks.collect::<Result<_, _>>()?,
    })
}

fn want<'a, T>(
    object: &'a Map<String, Value>,
    name: &str,
    read: impl FnOnce(&'a Value) -> Option<T>,
) -> Result<T, BudgetError> {
    let found = object.get(name).and_then(read);
    found.ok_or_else(|| BudgetError::Json(format!("{name} is missing or of the wrong type")))
}

/// What was let go, of all reservations together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// By payer and block: when it was reserved last, and its bytes.
    spent: BTreeMap<Payer, BTreeMap<BlockId, (Timestamp, u64)>>,
}

/// A number of blocks and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// Blocks.
    pub blocks: u64,
    /// Bytes of their objects, as far as they are known.
    pub bytes: u64,
}

impl Budget {
    /// Counts a reservation. A block that was reserved before, by a run that could not mark it or whose mark was lifted,
    /// counts once, from the later time on.
    pub fn add(&mut self, reservation: &Reservation) {
        for Spending { payer, blocks } in &reservation.spendings {
            let spent = self.spent.entry(payer.clone()).or_default();
            for (id, bytes) in blocks {
                let entry = spent.entry(*id).or_insert((reservation.at, *bytes));
                *entry = (*entry).max((reservation.at, *bytes));
            }
        }
    }

    /// What `payer` has spent in the seven days before `now`, blocks of `except` apart. What seems to lie ahead of `now`
    /// counts as well: a clock that went back gives nothing back.
    #[must_use]
    pub fn spent(&self, payer: &Payer, now: Timestamp, except: &BTreeSet<BlockId>) -> Amount {
        let mut amount = Amount::default();
        for (_, (_, bytes)) in self
            .spent
            .get(payer)
            .into_iter()
            .flatten()
            .filter(|(id, (at, _))| now.since(*at) < WINDOW_MS && !except.contains(id))
        {
            amount.blocks += 1;
            amount.bytes = amount.bytes.saturating_add(*bytes);
        }
        amount
    }

    /// Everybody who has spent anything in the seven days before `now`.
    pub fn payers(&self, now: Timestamp) -> impl Iterator<Item = (&Payer, Amount)> {
        let none = BTreeSet::new();
        let all = self.spent.keys().map(move |payer| (payer, self.spent(payer, now, &none)));
        all.filter(|(_, amount)| amount.blocks > 0)
    }
}

#[cfg(test)]
mod tests;
