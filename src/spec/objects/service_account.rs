//! ServiceAccount.

use k8s_openapi::api::core::v1;

use super::{Refusal, filled};
use crate::spec::report::Path;

pub fn unsupported(account: &v1::ServiceAccount, refusal: &mut Refusal) {
    refusal.field(
        filled(&account.image_pull_secrets),
        &Path::ROOT.field("imagePullSecrets"),
    );
    const ENFORCE: &str = "kubernetes.io/enforce-mountable-secrets";
    let annotations = account.metadata.annotations.as_ref();
    let enforced = annotations.and_then(|all| all.get(ENFORCE));
    let path = Path::ROOT.field("metadata");
    refusal.field(
        enforced.is_some_and(|value| value == "true"),
        &path.field("annotations").key(ENFORCE),
    );
}
