//! true and false. They take no options: whatever follows is ignored, as POSIX has it.

use crate::applet::Applet;

pub const TRUE: Applet = Applet {
    name: "true",
    usage: "",
    run: |_, _| Ok(0),
};

pub const FALSE: Applet = Applet {
    name: "false",
    usage: "",
    run: |_, _| Ok(1),
};

#[cfg(test)]
mod tests {
    use crate::testing::run;

    #[test]
    fn they_say_what_they_are_called() {
        assert_eq!(run("true", &["--help"]).code, 0);
        assert_eq!(run("false", &["--help"]).code, 1);
    }
}
