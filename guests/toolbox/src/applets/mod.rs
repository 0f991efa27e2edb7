//! One file per applet; this is the list of them.

mod base64;
mod cat;
mod cp;
mod cut;
mod date;
mod echo;
mod env;
mod grep;
mod head;
mod hostname;
mod httpd;
mod ls;
mod mkdir;
mod mv;
mod nc;
mod printf;
mod pwd;
mod rm;
mod seq;
mod sh;
mod sha256sum;
mod sleep;
mod sort;
mod tail;
mod tar;
mod tee;
mod test;
mod touch;
mod tr;
mod truth;
mod wc;
mod wget;

use crate::applet::Applet;

/// In the order of their names.
pub static ALL: &[Applet] = &[
    test::BRACKET,
    base64::APPLET,
    cat::APPLET,
    cp::APPLET,
    cut::APPLET,
    date::APPLET,
    echo::APPLET,
    env::APPLET,
    truth::FALSE,
    grep::APPLET,
    head::APPLET,
    hostname::APPLET,
    httpd::APPLET,
    ls::APPLET,
    mkdir::APPLET,
    mv::APPLET,
    nc::APPLET,
    printf::APPLET,
    pwd::APPLET,
    rm::APPLET,
    seq::APPLET,
    sh::APPLET,
    sha256sum::APPLET,
    sleep::APPLET,
    sort::APPLET,
    tail::APPLET,
    tar::APPLET,
    tee::APPLET,
    test::APPLET,
    touch::APPLET,
    tr::APPLET,
    truth::TRUE,
    wc::APPLET,
    wget::APPLET,
];

pub fn find(name: &str) -> Option<&'static Applet> {
    ALL.iter().find(|applet| applet.name == name)
}
