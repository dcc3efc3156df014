//! When to ask a server again.

use std::time::Duration;

use crate::{
    anchors::fingerprint,
    web::{Answer, Failure},
};

/// How often a probe is tried again, and after what pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How many tries may follow the first one.
    pub retries: u32,
    /// The pause before the first of them; each later one is twice as long.
    pub base: Duration,
    /// The longest pause. A server that asks for a longer one is not asked again.
    pub longest: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            retries: 2,
            base: Duration::from_millis(500),
            longest: Duration::from_secs(30),
        }
    }
}

impl Policy {
    /// The pause before `url` is tried again, after `tries` tries of which `outcome` is the last; `None` where it stands.
    ///
    /// The server's own `Retry-After` counts, if it sent one; else the pause is that of `backoff`.
    pub fn pause(
        &self,
        url: &str,
        tries: u32,
        outcome: &Result<Answer, Failure>,
    ) -> Option<Duration> {
        if tries > self.retries || !is_transient(outcome) {
            return None;
        }
        match outcome {
            Ok(Answer {
                retry_after: Some(asked),
                ..
            }) => (*asked <= self.longest).then_some(*asked),
            _ => Some(self.backoff(url, tries)),
        }
    }

    /// The pause after the `tries`th try: doubled each time, at most `longest`, and shortened by up to half, by an amount
    /// that depends on the URL and the try alone, so that probes that failed together do not come back together.
    pub fn backoff(&self, url: &str, tries: u32) -> Duration {
        let doublings = tries.saturating_sub(1).min(31);
        let full = self.base.saturating_mul(1 << doublings).min(self.longest);
        let share = mix(fingerprint(url) ^ u64::from(tries)) >> 32;
        let cut = u64::try_from(full.as_micros() / 2).unwrap_or(u64::MAX);
        let cut = (u128::from(cut) * u128::from(share)) >> 32;
        full - Duration::from_micros(u64::try_from(cut).unwrap_or_default())
    }
}

/// Says whether another try may end differently.
pub fn is_transient(outcome: &Result<Answer, Failure>) -> bool {
    match outcome {
        Ok(answer) => matches!(answer.status, 408 | 425 | 429 | 500 | 502 | 503 | 504),
        Err(failure) => matches!(failure, Failure::Timeout | Failure::Reset),
    }
}

/// Spreads a number over all 64 bits (the finalizer of SplitMix64).
fn mix(mut number: u64) -> u64 {
    number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://example.org/";

    fn answer(status: u16, retry_after: Option<u64>) -> Result<Answer, Failure> {
        Ok(Answer {
            status,
            final_url: URL.to_owned(),
            retry_after: retry_after.map(Duration::from_secs),
            page: None,
        })
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        for status in [408, 425, 429, 500, 502, 503, 504] {
            assert!(is_transient(&answer(status, None)), "{status}");
        }
        for status in [200, 301, 400, 401, 403, 404, 410, 501, 505] {
            assert!(!is_transient(&answer(status, None)), "{status}");
        }
        assert!(is_transient(&Err(Failure::Timeout)));
        assert!(is_transient(&Err(Failure::Reset)));
        for lasting in [
            Failure::Dns,
            Failure::Refused,
            Failure::Tls(String::new()),
            Failure::TooManyRedirects(10),
        ] {
            assert!(!is_transient(&Err(lasting)));
        }
    }

    #[test]
    fn tries_are_counted() {
        let policy = Policy::default();
        let outcome = answer(503, None);
        assert!(policy.pause(URL, 1, &outcome).is_some());
        assert!(policy.pause(URL, 2, &outcome).is_some());
        assert_eq!(policy.pause(URL, 3, &outcome), None);
        let never = Policy {
            retries: 0,
            ..policy
        };
        assert_eq!(never.pause(URL, 1, &outcome), None);
    }

    #[test]
    fn a_server_says_how_long_to_wait() {
        let policy = Policy::default();
        assert_eq!(
            policy.pause(URL, 1, &answer(429, Some(7))),
            Some(Duration::from_secs(7))
        );
        assert_eq!(policy.pause(URL, 1, &answer(429, Some(3600))), None);
        assert_eq!(policy.pause(URL, 1, &answer(404, Some(7))), None);
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let policy = Policy::default();
        for tries in [1, 2, 3, 4, 5, 6, 7, 8, 40, u32::MAX] {
            let full = Duration::from_millis(500)
                .saturating_mul(1_u32 << (tries - 1).min(31))
                .min(policy.longest);
            let pause = policy.backoff(URL, tries);
            assert!(full / 2 <= pause && pause <= full, "{tries}: {pause:?}");
            assert_eq!(pause, policy.backoff(URL, tries));
        }
        let extreme = Policy {
            base: Duration::MAX,
            longest: Duration::MAX,
            retries: 1,
        };
        assert!(extreme.backoff(URL, 1) <= Duration::MAX);
    }

    #[test]
    fn pauses_differ_from_url_to_url() {
        let policy = Policy::default();
        let pauses: std::collections::BTreeSet<_> = (0..100)
            .map(|number| policy.backoff(&format!("https://example.org/{number}"), 1))
            .collect();
        assert!(pauses.len() > 95);
    }
}
