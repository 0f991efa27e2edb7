use std::collections::BTreeMap;
use std::path::Path;

use super::*;
use crate::node::Layout;
use crate::spec::{self, Object};

fn store() -> (tempfile::TempDir, Store) {
    let scratch = tempfile::tempdir().unwrap();
    let layout = Layout {
        run: scratch.path().join("run"),
        data: scratch.path().join("data"),
        logs: scratch.path().join("logs"),
    };
    (scratch, Store::new(layout))
}

fn pod(spec: &str) -> Spec {
    let text = format!(
        "{{metadata: {{name: web, namespace: default}}, spec: {{containers: [{{name: app, image: wasmpod/toolbox}}], {spec}}}}}"
    );
    let object = serde_yaml::from_str(&text).unwrap();
    spec::resolve(object, Path::new("/"), "u-1".into(), crate::pod::now()).unwrap()
}

fn config_map(name: &str, value: &str) -> v1::ConfigMap {
    v1::ConfigMap {
        metadata: ObjectMeta {
            name: Some(name.into()),
            namespace: Some("default".into()),
            ..ObjectMeta::default()
        },
        data: Some(BTreeMap::from([("key".to_owned(), value.to_owned())])),
        ..v1::ConfigMap::default()
    }
}

fn claim() -> v1::PersistentVolumeClaim {
    serde_yaml::from_str(
        "{metadata: {name: data, namespace: default}, spec: {accessModes: [ReadWriteOnce], \
         resources: {requests: {storage: 1Gi}}}}",
    )
    .unwrap()
}

fn wish() -> TokenWish {
    TokenWish {
        namespace: "default".into(),
        service_account: "default".into(),
        pod_name: "web".into(),
        pod_uid: "u-1".into(),
        audience: None,
        expiration: std::time::Duration::from_secs(3600),
    }
}

#[test]
fn a_pod_watches_the_kinds_that_it_refers_to() {
    let all = pod(
        "volumes: [{name: c, persistentVolumeClaim: {claimName: data}}, \
         {name: m, configMap: {name: settings}}, {name: s, secret: {secretName: keys}}]",
    );
    assert_eq!(
        refers::kinds(&all),
        [
            spec::Kind::ConfigMap,
            spec::Kind::Secret,
            spec::Kind::PersistentVolumeClaim
        ]
    );
    let claim = pod("volumes: [{name: c, persistentVolumeClaim: {claimName: data}}]");
    assert_eq!(refers::kinds(&claim), [spec::Kind::PersistentVolumeClaim]);
}

#[tokio::test]
async fn a_pod_is_told_of_the_claim_that_it_waits_for() {
    let (_scratch, store) = store();
    let pod = pod("volumes: [{name: v, persistentVolumeClaim: {claimName: data}}]");
    let around = Stored::around(&pod, store.clone(), "node".into());
    let mut changes = around.changes().unwrap();
    assert!(around.claim("data").is_err());
    store.ensure_namespace("default").unwrap();
    store.objects().create(claim()).unwrap();
    changes.changed().await.unwrap();
    assert!(around.claim("data").unwrap().is_dir());
}

#[tokio::test]
async fn a_pod_that_refers_to_nothing_watches_nothing() {
    let (_scratch, store) = store();
    let pod = pod("volumes: [{name: v, emptyDir: {}}]");
    assert!(
        Stored::around(&pod, store, "node".into())
            .changes()
            .is_none()
    );
}

#[tokio::test]
async fn what_a_pod_refers_to_is_found_as_it_is_and_told_of_when_it_changes() {
    let (_scratch, store) = store();
    let pod = pod("volumes: [{name: v, configMap: {name: settings}}]");
    let around = Stored::around(&pod, store.clone(), "node".into());
    let mut changes = around.changes().unwrap();
    assert_eq!(around.config_map("settings").unwrap(), None);
    store.ensure_namespace("default").unwrap();
    store.objects().create(config_map("settings", "a")).unwrap();
    changes.changed().await.unwrap();
    let found = around.config_map("settings").unwrap().unwrap();
    assert_eq!(found.data.as_ref().unwrap()["key"], "a");
    store
        .objects::<v1::ConfigMap>()
        .update("default", "settings", |found| {
            *found = v1::ConfigMap {
                metadata: found.metadata.clone(),
                ..config_map("settings", "b")
            };
            Ok(())
        })
        .unwrap();
    changes.changed().await.unwrap();
    let found = around.config_map("settings").unwrap().unwrap();
    assert_eq!(found.data.as_ref().unwrap()["key"], "b");
}

#[tokio::test]
async fn every_namespace_has_the_certificate_of_the_installation() {
    let (_scratch, store) = store();
    let around = Stored::around(&pod("subdomain: a"), store, "node".into());
    let found = around.config_map(ROOT_CA).unwrap().unwrap();
    let pem = &found.data.as_ref().unwrap()["ca.crt"];
    assert!(pem.starts_with("-----BEGIN CERTIFICATE-----"), "{pem}");
}

#[tokio::test]
async fn a_token_is_of_an_account_that_is_there() {
    let (_scratch, store) = store();
    let around = Stored::around(&pod("subdomain: a"), store, "node".into());
    let stranger = TokenWish {
        service_account: "robot".into(),
        ..wish()
    };
    let error = "failed to fetch token: serviceaccounts \"robot\" not found";
    assert_eq!(around.token(&stranger).unwrap_err(), error);
    // Which every namespace has.
    let token = around.token(&wish()).unwrap();
    assert_eq!(token.jwt.split('.').count(), 3);
    let life = token.expires.duration_since(SystemTime::now()).unwrap();
    let renewed = token.renew.duration_since(SystemTime::now()).unwrap();
    assert!(life.as_secs() > 3590 && renewed.as_secs() < 2881 && renewed.as_secs() > 2860);
}

#[test]
fn what_is_run_finds_the_objects_of_its_own_manifest_and_namespace() {
    let (_scratch, store) = store();
    let mut other = config_map("elsewhere", "x");
    other.metadata.namespace = Some("other".into());
    let objects: Vec<Object> = vec![config_map("settings", "a").into(), other.into()];
    let around = InManifest::new(store, "default", objects).unwrap();
    assert!(around.config_map("settings").unwrap().is_some());
    assert_eq!(around.config_map("elsewhere").unwrap(), None);
    assert!(around.token(&wish()).is_ok());
    assert!(around.changes().is_none());
}

#[test]
fn a_claim_of_the_manifest_is_a_directory_that_stays() {
    let (_scratch, store) = store();
    let claim = claim();
    for _ in 0..2 {
        let objects = vec![Object::from(claim.clone())];
        let around = InManifest::new(store.clone(), "default", objects).unwrap();
        let path = around.claim("data").unwrap();
        assert!(path.is_dir());
        std::fs::write(path.join("kept"), "x").unwrap();
    }
    let around = InManifest::new(store, "default", Vec::new()).unwrap();
    assert!(around.claim("data").unwrap().join("kept").exists());
    let error = around.claim("none").unwrap_err();
    assert!(error.contains("\"none\" not found"), "{error}");
}
