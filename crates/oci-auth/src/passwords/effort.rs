//! What a failed login costs, whoever it was for.
//!
//! Known and unknown users must not be told apart by time. So an unknown user costs the dearest
//! bcrypt hash of the file and each kind of argon2id hash there is, and a known user whose
//! password is wrong costs what is missing to that. Two runs of bcrypt at one cost take as long
//! as one at the next, so that what is missing can be had exactly.

use std::collections::BTreeSet;
use std::hint::black_box;

use argon2::{Algorithm, Argon2, Params, Version};

/// The work that one hash takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cost {
    /// bcrypt: two to the power of this.
    Bcrypt(u32),
    /// argon2id.
    Argon2 {
        /// KiB.
        memory: u32,
        passes: u32,
        lanes: u32,
    },
}

/// What a failed login costs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Effort {
    bcrypt: Option<u32>,
    argon2: BTreeSet<Cost>,
}

impl Effort {
    /// Raises it so that it covers a hash of this cost.
    pub(super) fn include(&mut self, cost: Cost) {
        match cost {
            Cost::Bcrypt(cost) => self.bcrypt = self.bcrypt.max(Some(cost)),
            argon2 @ Cost::Argon2 { .. } => {
                self.argon2.insert(argon2);
            }
        }
    }

    /// What is missing after a hash of the cost `done` was checked.
    pub(super) fn missing(&self, done: Option<Cost>) -> Vec<Cost> {
        let mut missing = Vec::new();
        match (self.bcrypt, done) {
            (Some(dearest), Some(Cost::Bcrypt(done))) => {
                missing.extend((done..dearest).map(Cost::Bcrypt));
            }
            (Some(dearest), _) => missing.push(Cost::Bcrypt(dearest)),
            (None, _) => {}
        }
        let argon2 = self.argon2.iter().copied();
        missing.extend(argon2.filter(|cost| Some(*cost) != done));
        missing
    }

    /// Does the work that is missing. Blocks.
    pub(super) fn spend(&self, done: Option<Cost>, password: &str) {
        for cost in self.missing(done) {
            cost.spend(password);
        }
    }
}

impl Cost {
    fn spend(self, password: &str) {
        const SALT: [u8; 16] = [0x5a; 16];
        let password = password.as_bytes();
        match self {
            Self::Bcrypt(cost) => {
                let _ = black_box(bcrypt::hash_with_salt(password, cost, SALT));
            }
            Self::Argon2 {
                memory,
                passes,
                lanes,
            } => {
                let mut out = [0; 32];
                if let Ok(params) = Params::new(memory, passes, lanes, Some(out.len())) {
                    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
                    let _ = argon2.hash_password_into(password, &SALT, &mut out);
                }
                black_box(out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Cost = Cost::Argon2 {
        memory: 8,
        passes: 1,
        lanes: 1,
    };
    const LARGE: Cost = Cost::Argon2 {
        memory: 64,
        passes: 2,
        lanes: 1,
    };

    /// Work in runs of bcrypt and in passes over KiB.
    fn work(costs: &[Cost]) -> (u64, u64) {
        costs
            .iter()
            .fold((0, 0), |(bcrypt, argon2), cost| match cost {
                Cost::Bcrypt(cost) => (bcrypt + (1 << cost), argon2),
                Cost::Argon2 { memory, passes, .. } => {
                    (bcrypt, argon2 + u64::from(memory * passes))
                }
            })
    }

    #[test]
    fn a_failed_login_costs_the_same_for_everyone() {
        for costs in [
            &[Cost::Bcrypt(5)][..],
            &[Cost::Bcrypt(5), Cost::Bcrypt(12), Cost::Bcrypt(10)],
            &[SMALL],
            &[SMALL, LARGE, LARGE],
            &[Cost::Bcrypt(10), SMALL, Cost::Bcrypt(4), LARGE],
        ] {
            let mut effort = Effort::default();
            for cost in costs {
                effort.include(*cost);
            }
            let unknown = work(&effort.missing(None));
            for done in costs {
                let mut spent = effort.missing(Some(*done));
                spent.push(*done);
                assert_eq!(work(&spent), unknown, "{costs:?}, {done:?}");
            }
            let dearest = costs.iter().map(|cost| work(&[*cost])).max();
            assert!(
                dearest.is_some_and(|(bcrypt, argon2)| unknown.0 >= bcrypt && unknown.1 >= argon2)
            );
        }
    }
}
