use crate::testing::{Ran, Scratch, run, run_with};

fn sh(script: &str) -> Ran {
    run("sh", &["-c", script])
}

/// What a script prints that must succeed without a complaint.
#[track_caller]
fn prints(script: &str, output: &str) {
    let ran = sh(script);
    assert_eq!(
        (ran.out.as_str(), ran.err.as_str(), ran.code),
        (output, "", 0),
        "{script}"
    );
}

/// A script whose exit code and complaint matter.
#[track_caller]
fn fails(script: &str, code: u8, says: &str) {
    let ran = sh(script);
    assert_eq!(ran.code, code, "{script}: {ran:?}");
    assert!(ran.err.contains(says), "{script}: {ran:?}");
}

#[test]
fn commands_follow_each_other() {
    prints("echo a; echo b\necho c", "a\nb\nc\n");
    prints("true && echo yes || echo no", "yes\n");
    prints("false && echo yes || echo no", "no\n");
    prints("! false && echo ok", "ok\n");
    prints("# nothing\necho a # comment\necho a#b", "a\na#b\n");
    prints("echo a \\\n b", "a b\n");
    prints("", "");
    prints("/bin/echo a; toolbox echo b", "a\nb\n");
    fails("exit 7", 7, "");
    fails("false", 1, "");
    fails("vi", 127, "sh: vi: not found");
    fails("/opt/echo", 127, "sh: /opt/echo: not found");
}

#[test]
fn quotes_and_backslashes_keep_words_together() {
    prints(
        r#"echo 'a  b' "c  $0" d\ \ e "\$x \a \"" ''"#,
        "a  b c  sh d  e $x \\a \" \n",
    );
    prints(r#"x='a  b'; echo $x "$x" '$x'"#, "a b a  b $x\n");
    prints(r#"printf '[%s]' "" a"" "$none" $none"#, "[][a][]");
}

#[test]
fn parameters_are_expanded() {
    prints("x=1; echo $x ${x}2 $none.", "1 12 .\n");
    prints(
        "echo ${x:-a b} ${x-c} ${x:+d}; x=; echo ${x:-e}${x-f}${x+g}",
        "a b c\neg\n",
    );
    prints("echo ${x:=v}; echo $x ${#x}", "v\nv 1\n");
    prints(
        "p=/a/b.tar.gz; echo ${p##*/} ${p#*/} ${p%.*} ${p%%.*}",
        "b.tar.gz a/b.tar.gz /a/b.tar /a/b\n",
    );
    prints("false; echo $?; echo $?", "1\n0\n");
    prints(
        "set -- a 'b c'; echo $# $2; for i; do echo \"<$i>\"; done; shift; printf '[%s]' \"$@\"",
        "2 b c\n<a>\n<b c>\n[b c]",
    );
    prints("set --; printf '[%s]' x \"$@\"", "[x]");
    prints("HOME=/h; echo ~ ~/a a~", "/h /h/a a~\n");
    prints("IFS=:; x=a:b::c; printf '[%s]' $x a:b", "[a][b][][c][a:b]");
    fails("echo ${x:?is needed}; echo on", 2, "sh: x: is needed");
    fails("set -u; echo $x", 2, "sh: x: parameter not set");
    assert_eq!(
        run("sh", &["-c", "echo $0 $1 $#", "name", "a", "b"]).out,
        "name a 2\n"
    );
}

#[test]
fn commands_are_substituted() {
    prints("echo \"<$(echo a; echo b)>\" `echo c`", "<a\nb> c\n");
    prints("x=$(echo $(echo deep)); echo $x", "deep\n");
    prints("x=$(exit 3); echo $?; echo $(false)$?", "3\n1\n");
    prints("x=1; y=$(x=2; echo $x); echo $x$y", "12\n");
}

#[test]
fn arithmetic_is_that_of_c() {
    prints(
        "i=4; echo $((i+1)) $(( $i * 2 )) $((-i)) $((7/2)) $((7%4)) $((1+2*3)) $(((1+2)*3))",
        "5 8 -4 3 3 7 9\n",
    );
    prints(
        "echo $((1<2)) $((2<=1)) $((1==1 && 0)) $((0||5)) $((1?2:3)) $((!0)) $((~0)) $((1<<4)) $((6&3|8^1))",
        "1 0 0 1 2 1 -1 16 11\n",
    );
    prints(
        "i=1; while [ $i -le 3 ]; do echo $i; i=$((i+1)); done",
        "1\n2\n3\n",
    );
    prints(
        "echo $((x=5)) $((x+=2)) $x $((0x1f)) $((010)) $((0 && 1/0))",
        "5 7 7 31 8 0\n",
    );
    fails("echo $((1/0))", 2, "division by zero");
    fails("echo $((1+))", 2, "a number is missing");
    fails("echo $((i++))", 2, "'++' and '--' are not known");
}

#[test]
fn conditions_and_loops() {
    prints(
        "if false; then echo a; elif true; then echo b; else echo c; fi",
        "b\n",
    );
    prints("if false; then echo a; fi; echo $?", "0\n");
    prints(
        "for x in a 'b c' d; do\n  [ \"$x\" = d ] && break\n  echo $x\ndone",
        "a\nb c\n",
    );
    prints(
        "for x in 1 2 3; do if [ $x = 2 ]; then continue; fi; echo $x; done",
        "1\n3\n",
    );
    prints(
        "for x in 1 2; do for y in 1 2; do break 2; done; done; echo $x$y",
        "11\n",
    );
    prints(
        "until true; do echo never; done; while false; do :; done; echo $?",
        "0\n",
    );
    prints(
        "case abc.txt in *.md) echo md;; a?c*|x) echo yes;; *) echo no;; esac",
        "yes\n",
    );
    prints(
        "case $x in '') echo empty ;; esac; case '*' in \\*) echo star\nesac",
        "empty\nstar\n",
    );
    prints("{ echo a; echo b; } | wc -l; (exit 3); echo $?", "2\n3\n");
    prints("x=1; (x=2; echo $x); echo $x", "2\n1\n");
}

#[test]
fn pipes_pass_on_what_was_written() {
    prints("printf 'b\\na\\n' | sort | head -n 1", "a\n");
    prints("echo a b | while read x y; do echo $y $x; done", "b a\n");
    prints("echo in | { read x; echo got $x; }", "got in\n");
    fails("true | false", 1, "");
    prints("false | true", "");
    fails("set -o pipefail; false | true", 1, "");
}

#[test]
fn a_pipe_that_is_full_ends_its_writer() {
    let ran = sh("while true; do printf %1000000d 0; done | head -c 3; echo; echo on");
    assert_eq!(ran.out, "   \non\n");
    assert!(ran.err.contains("ended after 16 MiB"), "{}", ran.err);
}

#[test]
fn redirections_lead_to_files() {
    let s = Scratch::new();
    let f = s.path("f");
    prints(
        &format!("echo a > {f}; echo b >> {f}; cat < {f}; cat {f}"),
        "a\nb\na\nb\n",
    );
    prints(
        &format!("while read x; do echo \"<$x>\"; done < {f}"),
        "<a>\n<b>\n",
    );
    prints(
        &format!("for i in 1 2; do echo $i; done > {f}; wc -l < {f}"),
        "2\n",
    );
    prints(
        &format!("cat /nowhere > {f} 2>&1; cat {f}"),
        "cat: /nowhere: No such file or directory\n",
    );
    prints(
        "cat /nowhere 2>/dev/null; echo $?; cat </dev/null; echo gone >/dev/null",
        "1\n",
    );
    prints(
        &format!("cat /nowhere 2>{f}; [ -s {f} ] && >{f}; [ -s {f} ] || echo empty"),
        "empty\n",
    );
    let both = sh("echo out; echo err >&2");
    assert_eq!((both.out.as_str(), both.err.as_str()), ("out\n", "err\n"));
    fails(
        "echo a > /nowhere/f; exit $?",
        1,
        "sh: /nowhere/f: No such file or directory",
    );
    fails(
        "cat < /nowhere",
        1,
        "sh: /nowhere: No such file or directory",
    );
}

#[test]
fn names_are_matched() {
    let s = Scratch::new();
    for name in ["a.txt", "b.txt", "c.md", ".hidden.txt"] {
        s.file(name, "");
    }
    std::fs::create_dir(s.path("d")).unwrap();
    s.file("d/e.txt", "");
    let here = s.path("");
    let listed = |pattern: &str| {
        let out = sh(&format!("printf '%s\\n' {here}{pattern}")).out;
        out.replace(&here, "")
    };
    assert_eq!(listed("*.txt"), "a.txt\nb.txt\n");
    assert_eq!(listed("?.md"), "c.md\n");
    assert_eq!(listed("*/*.txt"), "d/e.txt\n");
    assert_eq!(listed("[!a].*"), "b.txt\nc.md\n");
    assert_eq!(listed("'*'.txt"), "*.txt\n");
    assert_eq!(listed("*.none"), "*.none\n");
}

#[test]
fn variables_reach_applets_when_exported() {
    prints(
        "x=1; env | grep ^x=; export x; env | grep ^x=; y=2 env | grep ^y=; echo .$y",
        "x=1\ny=2\n.\n",
    );
    prints("export a='b c'; sh -c 'echo $a $0'", "b c sh\n");
    prints("x=1; unset x; echo ${x-gone}", "gone\n");
}

#[test]
fn options_change_what_failures_and_words_do() {
    fails(
        "set -e; if false; then :; fi; false || true; ! true; echo on; false; echo never",
        1,
        "",
    );
    assert_eq!(sh("set -e; (exit 4); echo never").code, 4);
    assert_eq!(run("sh", &["-ec", "false; echo never"]).out, "");
    assert_eq!(sh("set -x; echo a $((1+1))").err, "+ echo a 2\n");
    prints("set -f; echo /*; set +f; echo $-.", "/*\n.\n");
    fails("set -q; echo never", 2, "unknown option");
}

#[test]
fn the_rest_of_the_builtins() {
    prints(
        "read x </dev/null || echo ended; eval 'y=1; echo $y'",
        "ended\n1\n",
    );
    prints("trap 'echo bye $?' EXIT; echo hi; exit 0", "hi\nbye 0\n");
    fails(
        "trap 'exit 0' TERM",
        1,
        "sh: trap: TERM: only EXIT can be trapped",
    );
    prints(
        "command -v echo cd; type sh",
        "echo\ncd\nsh is an applet of the toolbox\n",
    );
    prints("exec echo last; echo never", "last\n");
    prints(
        "printf 'a\\\\b c\\n' | { read -r x; echo \"$x\"; }",
        "a\\b c\n",
    );
    fails(
        "cd /nowhere",
        1,
        "sh: cd: /nowhere: No such file or directory",
    );
    fails("break", 1, "in no loop");
    assert!(run("sh", &["--help"]).out.starts_with("usage: sh [-efux]"));
}

#[test]
fn what_is_not_known_is_refused_before_anything_runs() {
    for (script, says) in [
        (
            "echo a; sleep 1 &",
            "line 1: syntax error: a command in the background (&)",
        ),
        (
            "echo a\nf() { echo; }",
            "line 2: syntax error: unexpected '(': there are no functions",
        ),
        ("cat <<END\nEND", "here-documents (<<) are not known"),
        ("echo a; done", "unexpected 'done'"),
        (
            "echo a; if true; then echo",
            "unexpected end, 'fi' is missing",
        ),
        ("while true; do :", "unexpected end, 'done' is missing"),
        ("echo \"a", "unexpected end, '\"' is missing"),
        ("echo $(echo", "unexpected end, ')' is missing"),
        ("echo a; ; echo b", "unexpected ';'"),
        ("echo a 3>f", "only <, > and 2> can be redirected"),
        ("echo $$", "process numbers"),
        ("| cat", "unexpected '|'"),
        ("a >", "unexpected end"),
    ] {
        let ran = sh(script);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{script}: {ran:?}");
        assert!(ran.err.contains(says), "{script}: {ran:?}");
    }
    let deep = sh(&"(".repeat(5000));
    assert!(
        deep.code == 2 && deep.err.contains("nested more than"),
        "{deep:?}"
    );
    assert_eq!(run("sh", &["-z"]).code, 2);
    assert_eq!(
        run("sh", &["-c"]).err,
        "sh: -c: a text is missing (see sh --help)\n"
    );
}

#[test]
fn scripts_come_from_files_and_stdin() {
    let s = Scratch::new();
    let file = s.file("script", "#!/bin/sh\necho $0 $1\nexit 5\n");
    let ran = run("sh", &[&file, "arg"]);
    assert_eq!((ran.out, ran.code), (format!("{file} arg\n"), 5));
    let ran = sh(&format!("{file} a; echo $?; . {file}; echo never"));
    assert_eq!((ran.out, ran.code), (format!("{file} a\n5\nsh\n"), 5));
    let module = s.file("module", "\0asm");
    fails(&module, 126, "a guest cannot start another program");
    s.file("self", &format!("echo x; {}", s.path("self")));
    fails(&s.path("self"), 2, "shells deep");
    // What a command reads of stdin is no command any more.
    let ran = run_with(
        "read x\nhello\necho $x\nif true\nthen echo y; fi\nhead -n 1\nz\n",
        "sh",
        &[],
    );
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("hello\ny\nz\n", ""));
    assert_eq!(run_with("echo a\nif", "sh", &[]).code, 2);
}

#[test]
fn a_prompt_is_shown_and_errors_end_nothing() {
    let ran = run_with(
        "echo 'a\nb'\n)\necho ${x?}\necho on\nexit 3\n",
        "sh",
        &["-i"],
    );
    assert_eq!((ran.out.as_str(), ran.code), ("a\nb\non\n", 3));
    assert!(ran.err.contains(" # > "), "{}", ran.err);
    assert!(ran.err.contains("unexpected ')'"), "{}", ran.err);
}
