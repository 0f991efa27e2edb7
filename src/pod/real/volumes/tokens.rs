//! Tokens that lie in volumes, and when they are to be renewed (kubelet `pkg/kubelet/token/token_manager.go`).

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use crate::pod::{Surroundings, Token};
use crate::spec::TokenWish;

/// After a failure it is tried again with the next look at the pod, about so much later.
const RETRY: Duration = Duration::from_secs(60);

/// The tokens of one pod.
#[derive(Default)]
pub struct Tokens {
    held: HashMap<TokenWish, Token>,
}

impl Tokens {
    /// The token that is held, or a new one where there is none or its time has come.
    ///
    /// # Errors
    /// There is none that is still good, and no new one either.
    pub fn get(
        &mut self,
        wish: &TokenWish,
        issuer: &dyn Surroundings,
        now: SystemTime,
    ) -> Result<String, String> {
        if let Some(held) = self.held.get(wish).filter(|held| now < held.renew) {
            return Ok(held.jwt.clone());
        }
        match (issuer.token(wish), self.held.get_mut(wish)) {
            (Ok(token), _) => {
                let jwt = token.jwt.clone();
                self.held.insert(wish.clone(), token);
                Ok(jwt)
            }
            (Err(error), Some(held)) if now < held.expires => {
                tracing::warn!("a token could not be renewed: {error}");
                held.renew = now + RETRY;
                Ok(held.jwt.clone())
            }
            (Err(error), Some(held)) => {
                held.renew = now + RETRY;
                Err(format!("token expired and refresh failed: {error}"))
            }
            (Err(error), None) => Err(error),
        }
    }

    /// When to look at them next. What was due and has not been renewed, because nothing was made of it (a volume that waits
    /// for another source), is no reason to look again at once.
    pub fn renew_at(&self, now: SystemTime) -> Option<SystemTime> {
        let due = |held: &Token| match held.renew {
            past if past <= now => now + RETRY,
            later => later,
        };
        self.held.values().map(due).min()
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Arc;
    use std::sync::Mutex;

    use k8s_openapi::api::core::v1;
    use tokio::sync::watch;

    use super::*;
    use crate::spec::Allocatable;

    /// Gives out the tokens it was told to, and then none.
    struct Issuer(Mutex<Vec<Token>>);

    impl Surroundings for Issuer {
        fn config_map(&self, _: &str) -> Result<Option<Arc<v1::ConfigMap>>, String> {
            Ok(None)
        }

        fn secret(&self, _: &str) -> Result<Option<Arc<v1::Secret>>, String> {
            Ok(None)
        }

        fn claim(&self, name: &str) -> Result<PathBuf, String> {
            Err(name.to_owned())
        }

        fn token(&self, _: &TokenWish) -> Result<Token, String> {
            let next = self.0.lock().unwrap().pop();
            next.ok_or_else(|| "nobody there".to_owned())
        }

        fn changes(&self) -> Option<watch::Receiver<u64>> {
            None
        }

        fn allocatable(&self) -> Allocatable {
            Allocatable::default()
        }
    }

    fn at(secs: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + secs)
    }

    fn token(jwt: &str, issued: u64, life: u64) -> Token {
        Token {
            jwt: jwt.to_owned(),
            expires: at(issued + life),
            renew: at(issued + life * 4 / 5),
        }
    }

    fn wish() -> TokenWish {
        TokenWish {
            namespace: "default".into(),
            service_account: "default".into(),
            pod_name: "web".into(),
            pod_uid: "u-1".into(),
            audience: None,
            expiration: Duration::from_secs(3600),
        }
    }

    #[test]
    fn a_token_is_held_until_then_and_kept_while_there_is_no_other() {
        let second = token("second", 2880, 3600);
        let issuer = Issuer(Mutex::new(vec![second, token("first", 0, 3600)]));
        let mut tokens = Tokens::default();
        let mut get = |secs: u64| tokens.get(&wish(), &issuer, at(secs));
        assert_eq!(get(0).unwrap(), "first");
        assert_eq!(get(2879).unwrap(), "first");
        assert_eq!(get(2880).unwrap(), "second");
        // Nobody issues another one.
        assert_eq!(get(5760).unwrap(), "second");
        assert_eq!(get(6479).unwrap(), "second");
        let error = "token expired and refresh failed: nobody there";
        assert_eq!(get(6540).unwrap_err(), error);
        assert_eq!(tokens.renew_at(at(6540)), Some(at(6600)));
    }

    /// A volume that was never mounted, because another of its sources is missing: the pod was awake all the time.
    #[test]
    fn a_token_that_nobody_takes_when_it_is_due_keeps_nobody_awake() {
        let issuer = Issuer(Mutex::new(vec![token("first", 0, 3600)]));
        let mut tokens = Tokens::default();
        tokens.get(&wish(), &issuer, at(0)).unwrap();
        assert_eq!(tokens.renew_at(at(2879)), Some(at(2880)));
        assert_eq!(tokens.renew_at(at(2880)), Some(at(2880) + RETRY));
    }

    #[test]
    fn without_any_token_there_is_nothing_to_hold() {
        let issuer = Issuer(Mutex::default());
        let mut tokens = Tokens::default();
        let error = tokens.get(&wish(), &issuer, at(0)).unwrap_err();
        assert_eq!(error, "nobody there");
        assert_eq!(tokens.renew_at(at(0)), None);
    }
}
