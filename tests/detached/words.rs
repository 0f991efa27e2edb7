//! Objects made of words on the command line: `create configmap`, `secret`, `namespace`, `serviceaccount`.

use super::common::Host;
use super::says;

#[test]
fn what_is_written_in_words_is_printed_as_kubectl_prints_it() {
    let host = Host::new();
    host.file("f.txt", "a: b\n");
    host.file("bin", [0xff, 0xfe]);
    let run = host.run([
        "create",
        "configmap",
        "x",
        "--from-literal=k=v",
        "--from-file=f.txt",
        "--from-file=other=bin",
        "--dry-run=client",
        "-o",
        "yaml",
    ]);
    let text = "\
apiVersion: v1
binaryData:
  other: //4=
data:
  f.txt: |
    a: b
  k: v
kind: ConfigMap
metadata:
  name: x
";
    assert_eq!(run.success().stdout, text);
    let text = "\
apiVersion: v1
data:
  .dockerconfigjson: eyJhdXRocyI6eyJ4Ijp7InVzZXJuYW1lIjoidSIsInBhc3N3b3JkIjoicCIsImF1dGgiOiJkVHB3In19fQ==
kind: Secret
metadata:
  name: s
type: kubernetes.io/dockerconfigjson
";
    let line = "create secret docker-registry s --docker-server=x --docker-username=u --docker-password=p --dry-run=client -o yaml";
    assert_eq!(says(&host, line), text);
    let text = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: team\nspec: {}\nstatus: {}\n";
    assert_eq!(says(&host, "create ns team --dry-run=client -o yaml"), text);
    let text = "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: bot\n  namespace: team\n";
    assert_eq!(
        says(&host, "create sa bot -n team --dry-run=client -o yaml"),
        text
    );
    assert_eq!(
        says(&host, "create cm x --dry-run=client"),
        "configmap/x created (dry run)\n"
    );
    assert_eq!(says(&host, "get cm"), "");
}

#[test]
fn what_is_printed_can_be_applied() {
    let host = Host::new();
    let line = "create secret generic keys --from-literal=user=me --from-literal=pass=geheim --dry-run=client -o yaml";
    host.file("keys.yaml", says(&host, line));
    assert_eq!(says(&host, "apply -f keys.yaml"), "secret/keys created\n");
    assert_eq!(says(&host, "apply -f keys.yaml"), "secret/keys unchanged\n");
    let value = says(&host, "get secret keys -o jsonpath={.data.pass}");
    assert_eq!(value, "Z2VoZWlt");
}
