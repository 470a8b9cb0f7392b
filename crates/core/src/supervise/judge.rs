//! What an end calls for.

use super::{Directive, Restart};

/// How an instance came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// It stopped itself.
    Normal,
    /// It failed, and had started.
    Failed,
    /// It failed to start: there is nothing to go on with.
    Start,
}

/// All that a decision depends on, the number of restarts aside.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// When it is to be started again.
    pub restart: Restart,
    /// How it ended.
    pub cause: Cause,
    /// What `decide` answered.
    pub asked: Option<Directive>,
    /// Somebody stops it, or its supervisor ends: it does not come back whatever the options say.
    pub is_final: bool,
}

/// What is done about it, unless there were too many restarts.
#[must_use]
pub fn judge(case: &Case) -> Directive {
    if case.is_final {
        return Directive::Stop;
    }
    match case.asked {
        Some(Directive::Resume) if case.cause == Cause::Start => {}
        Some(directive) => return directive,
        None => {}
    }
    match (case.restart, case.cause) {
        (Restart::Temporary, _) | (Restart::Transient, Cause::Normal) => Directive::Stop,
        _ => Directive::Restart,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAUSES: [Cause; 3] = [Cause::Normal, Cause::Failed, Cause::Start];
    const RESTARTS: [Restart; 3] = [Restart::Transient, Restart::Permanent, Restart::Temporary];

    #[test]
    fn the_options_say_who_comes_back() {
        let back = |restart, cause| judge(&Case { restart, cause, asked: None, is_final: false }) == Directive::Restart;
        let table = RESTARTS.map(|restart| CAUSES.map(|cause| back(restart, cause)));
        assert_eq!(table, [[false, true, true], [true, true, true], [false, false, false]]);
    }

    #[test]
    fn an_answer_of_decide_wins_but_a_start_cannot_be_resumed() {
        for restart in RESTARTS {
            for cause in CAUSES {
                for asked in [Directive::Restart, Directive::Stop, Directive::Resume, Directive::Escalate] {
                    let case = Case { restart, cause, asked: Some(asked), is_final: false };
                    let expected = if asked == Directive::Resume && cause == Cause::Start {
                        judge(&Case { asked: None, ..case })
                    } else {
                        asked
                    };
                    assert_eq!(judge(&case), expected, "{case:?}");
                    assert_eq!(judge(&Case { is_final: true, ..case }), Directive::Stop);
                }
            }
        }
    }
}
