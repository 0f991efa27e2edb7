//! One file per applet; this is the list of them.

mod base64;
mod cat;
mod cp;
mod cut;
mod date;
mod echo;
mod env;
mod find;
mod getent;
mod grep;
mod head;
mod hostname;
mod httpd;
mod ln;
mod ls;
mod mkdir;
mod mv;
mod nc;
mod nslookup;
mod printenv;
mod printf;
mod pwd;
pub mod readlink;
mod rm;
mod seq;
pub mod sh;
mod sha256sum;
mod sleep;
mod sort;
mod stat;
mod tail;
mod tar;
mod tee;
mod test;
mod touch;
mod tr;
mod tree;
mod truth;
mod wc;
mod wget;

use crate::applet::Applet;

/// In the order of their names.
pub static ALL: &[Applet] = &[
    test::BRACKET,
    test::DOUBLE,
    base64::APPLET,
    cat::APPLET,
    cp::APPLET,
    cut::APPLET,
    date::APPLET,
    echo::APPLET,
    env::APPLET,
    truth::FALSE,
    find::APPLET,
    getent::APPLET,
    grep::APPLET,
    head::APPLET,
    hostname::APPLET,
    httpd::APPLET,
    ln::APPLET,
    ls::APPLET,
    mkdir::APPLET,
    mv::APPLET,
    nc::APPLET,
    nslookup::APPLET,
    printenv::APPLET,
    printf::APPLET,
    pwd::APPLET,
    readlink::APPLET,
    rm::APPLET,
    seq::APPLET,
    sh::APPLET,
    sha256sum::APPLET,
    sleep::APPLET,
    sort::APPLET,
    stat::APPLET,
    tail::APPLET,
    tar::APPLET,
    tee::APPLET,
    test::APPLET,
    touch::APPLET,
    tr::APPLET,
    tree::APPLET,
    truth::TRUE,
    wc::APPLET,
    wget::APPLET,
];

/// Where programs are elsewhere: applets go by these paths, too.
const PROGRAMS: &[&str] = &["/bin", "/sbin", "/usr/bin", "/usr/sbin"];

/// By name, or by the path it has elsewhere.
pub fn program(name: &str) -> Option<&'static Applet> {
    match name.rsplit_once('/') {
        None => find(name),
        Some((directory, name)) if PROGRAMS.contains(&directory) => find(name),
        Some(_) => None,
    }
}

pub fn find(name: &str) -> Option<&'static Applet> {
    ALL.iter().find(|applet| applet.name == name)
}
