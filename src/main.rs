//! Arguments → config → run.

fn main() -> std::process::ExitCode {
    karipass::main()
}
