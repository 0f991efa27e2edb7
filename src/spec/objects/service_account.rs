//! ServiceAccount.

use k8s_openapi::api::core::v1;

use super::{Refusal, filled};
use crate::spec::report::Path;

pub fn unsupported(account: &v1::ServiceAccount, refusal: &mut Refusal) {
    refusal.field(
        filled(&account.image_pull_secrets),
        &Path::ROOT.field("imagePullSecrets"),
    );
}
