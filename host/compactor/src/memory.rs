//! Memory that merges may take together.

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::failure::StepError;

/// A budget in bytes. A job states what it may need and waits until that much is free.
#[derive(Debug)]
pub struct Memory {
    budget_bytes: u64,
    free: Semaphore,
}

/// Bytes that one permit stands for: a semaphore counts to 2^32.
const GRAIN_BYTES: u64 = 1 << 20;

impl Memory {
    /// All of `budget_bytes` is free.
    #[must_use]
    pub fn new(budget_bytes: u64) -> Self {
        Self { budget_bytes, free: Semaphore::new(permits(budget_bytes) as usize) }
    }

    /// Waits until `need_bytes` are free and takes them until the answer is dropped.
    ///
    /// # Errors
    /// [`StepError::Memory`] if that can never be.
    pub async fn admit(&self, need_bytes: u64) -> Result<SemaphorePermit<'_>, StepError> {
        if need_bytes > self.budget_bytes {
            return Err(StepError::Memory { need: need_bytes, budget: self.budget_bytes });
        }
        // The semaphore is never closed.
        self.free.acquire_many(permits(need_bytes)).await.map_err(|_| StepError::Stopped)
    }
}

fn permits(bytes: u64) -> u32 {
    u32::try_from(bytes / GRAIN_BYTES).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_job_larger_than_the_budget_is_refused_and_others_wait() {
        let memory = Memory::new(10 << 20);
        assert!(matches!(memory.admit(11 << 20).await, Err(StepError::Memory { .. })));
        let first = memory.admit(8 << 20).await.unwrap();
        assert_eq!(memory.free.available_permits(), 2);
        drop(first);
        assert!(memory.admit(10 << 20).await.is_ok());
    }
}
