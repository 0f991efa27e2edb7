//! What an API server's admission plugins make of a pod that is being created.

pub mod service_account;
