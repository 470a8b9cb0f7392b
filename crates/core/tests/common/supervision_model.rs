//! Supervision in as few words as possible: a tree whose hooks return at once, walked recursively. It knows nothing of
//! the lane; what it says happens is compared with what does.

use super::supervision::{ANY, CHILD, REST, at_most, root, worker};
use super::{Comes, Isolate, Options, Ref};
use buskin_core::entry::{directive, note, restart};

/// What befalls an actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Befalls {
    /// A handler throws.
    Throw,
    /// `ctx.stop()`.
    Quit,
    /// `ref.stop()`.
    Stop,
    /// `ref.kill()`.
    Kill,
}

/// How an actor is spawned.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Of [`restart`].
    pub(crate) restart: u32,
    /// How it supervises: strategy, how many restarts at most, and what its `decide` says (0: nothing).
    pub(crate) strategy: f64,
    pub(crate) most: f64,
    pub(crate) answer: u32,
    /// The generations whose start throws.
    pub(crate) bad: std::ops::Range<u32>,
}

pub(crate) const LENIENT: Plan = Plan { restart: restart::TRANSIENT, strategy: 0.0, most: ANY, answer: 0, bad: 0..0 };

#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) plan: Plan,
    pub(crate) parent: usize,
    pub(crate) children: Vec<usize>,
    pub(crate) generation: u32,
    pub(crate) alive: bool,
    /// It has an instance.
    up: bool,
    restarts: f64,
    /// Which restart of its children is under way: one that is not the latest goes no further.
    group: u32,
}

/// Node 0 is the root.
pub(crate) struct Model {
    pub(crate) nodes: Vec<Node>,
    pub(crate) trace: Vec<String>,
}

impl Model {
    pub(crate) fn new(plan: Plan) -> Self {
        let mut model = Model { nodes: vec![], trace: vec![] };
        model.node("-", 0, plan);
        model
    }

    fn node(&mut self, name: &str, parent: usize, plan: Plan) -> usize {
        let name = name.to_owned();
        let (children, generation) = (vec![], 0);
        self.nodes.push(Node {
            name,
            plan,
            parent,
            children,
            generation,
            alive: true,
            up: true,
            restarts: 0.0,
            group: 0,
        });
        self.nodes.len() - 1
    }

    pub(crate) fn spawn(&mut self, name: &str, parent: usize, plan: Plan) -> usize {
        let made = self.node(name, parent, plan);
        self.nodes[parent].children.push(made);
        self.start(made);
        made
    }

    pub(crate) fn befalls(&mut self, who: usize, what: Befalls) {
        let permanent = self.nodes[who].plan.restart == restart::PERMANENT;
        match what {
            Befalls::Throw => self.fails(who, false),
            Befalls::Quit if permanent => self.again(who, "normal"),
            Befalls::Quit | Befalls::Stop => self.over(who, "normal", false),
            Befalls::Kill => self.kill(who),
        }
    }

    /// Whether it may be done.
    pub(crate) fn adopt(&mut self, who: usize, parent: usize) -> bool {
        let mut above = parent;
        while above != 0 {
            if above == who {
                return false;
            }
            above = self.nodes[above].parent;
        }
        if self.nodes[who].parent != parent {
            self.part(who);
            self.nodes[who].parent = parent;
            self.nodes[parent].children.push(who);
        }
        true
    }

    fn part(&mut self, who: usize) {
        let parent = self.nodes[who].parent;
        self.nodes[parent].children.retain(|&c| c != who);
    }

    fn say(&mut self, who: usize, what: &str) {
        let line = format!("{} {what}", self.nodes[who].name);
        self.trace.push(line);
    }

    fn start(&mut self, who: usize) {
        self.say(who, "starts");
        let node = &mut self.nodes[who];
        node.up = true;
        if node.plan.bad.contains(&node.generation) {
            self.fails(who, true);
        }
    }

    fn kill(&mut self, who: usize) {
        for child in self.nodes[who].children.clone().into_iter().rev() {
            self.kill(child);
        }
        self.say(who, "ended killed");
        self.gone(who);
    }

    fn gone(&mut self, who: usize) {
        self.part(who);
        (self.nodes[who].alive, self.nodes[who].up) = (false, false);
        self.nodes[who].group += 1;
    }

    /// The instance is over, after its children.
    fn over(&mut self, who: usize, why: &str, again: bool) {
        for child in self.nodes[who].children.clone().into_iter().rev() {
            self.over(child, "shutdown", false);
        }
        if self.nodes[who].up {
            self.say(who, &format!("stops {why}"));
        }
        self.say(who, &format!("{} {why}", if again { "down" } else { "ended" }));
        if !again {
            return self.gone(who);
        }
        let node = &mut self.nodes[who];
        (node.up, node.restarts) = (false, 0.0);
        node.generation += 1;
        node.group += 1;
    }

    fn fails(&mut self, who: usize, starting: bool) {
        let comes_back = self.nodes[who].plan.restart != restart::TEMPORARY;
        match self.nodes[self.nodes[who].parent].plan.answer {
            directive::RESUME if !starting => {}
            directive::STOP => self.over(who, "failed", false),
            directive::ESCALATE => self.escalates(who, "failed"),
            directive::RESTART => self.again(who, "failed"),
            _ if comes_back => self.again(who, "failed"),
            _ => self.over(who, "failed", false),
        }
    }

    fn escalates(&mut self, who: usize, why: &str) {
        let parent = self.nodes[who].parent;
        self.trace.push(format!("escalated to {}", self.nodes[parent].name));
        self.over(who, why, false);
        if parent != 0 {
            self.fails(parent, false);
        }
    }

    fn again(&mut self, who: usize, why: &str) {
        let at = self.nodes[who].parent;
        let parent = &mut self.nodes[at];
        parent.restarts += 1.0;
        if parent.restarts > parent.plan.most {
            return self.escalates(who, why);
        }
        parent.group += 1;
        let (mine, strategy) = (parent.group, parent.plan.strategy);
        let first = parent.children.iter().position(|&c| c == who).unwrap();
        let members = match strategy {
            0.0 => vec![who],
            REST => parent.children[first..].to_vec(),
            _ => parent.children.clone(),
        };
        self.over(who, why, true);
        for &member in members.iter().rev() {
            if member != who && self.nodes[member].up {
                self.over(member, "shutdown", self.nodes[member].plan.restart != restart::TEMPORARY);
            }
        }
        for member in members {
            let node = &self.nodes[member];
            if node.alive && !node.up && self.nodes[at].group == mine {
                self.start(member);
            }
        }
    }
}

/// The model beside a lane.
pub(crate) struct Twins {
    pub(crate) model: Model,
    pub(crate) iso: Isolate,
    /// By node; the root has none.
    pub(crate) refs: Vec<Option<Ref>>,
}

impl Twins {
    pub(crate) fn new(plan: &Plan) -> Self {
        let iso = root(&numbers(plan));
        Twins { model: Model::new(plan.clone()), iso, refs: vec![None] }
    }

    fn index(&self, node: usize) -> u32 {
        self.refs[node].map_or(0, |r| r.index)
    }

    pub(crate) fn spawn(&mut self, name: &str, parent: usize, plan: &Plan) -> usize {
        let made = self.model.spawn(name, parent, plan.clone());
        let profile = self.iso.lane.profile(&numbers(plan));
        let options = Options { parent: self.index(parent), profile, restart: plan.restart, ..CHILD };
        let bad = plan.bad.clone();
        let who = self.iso.spawn(name, options, move |iso, e| {
            if e.op() == note::START && bad.contains(&e.payload) { Comes::Throws } else { worker(iso, e) }
        });
        self.refs.push(Some(who));
        let answers: Vec<_> = (0..self.refs.len()).map(|n| (self.index(n), self.model.nodes[n].plan.answer)).collect();
        self.iso.decider =
            Some(std::rc::Rc::new(move |_, e| answers.iter().rev().find(|a| a.0 == e.corr).map_or(0, |a| a.1)));
        made
    }

    pub(crate) fn befalls(&mut self, who: usize, what: Befalls) {
        let at = self.refs[who].unwrap();
        match what {
            Befalls::Throw => {
                super::supervision::fail(&mut self.iso, at);
            }
            Befalls::Quit => self.iso.stop_itself(at),
            Befalls::Stop => self.iso.stop(at),
            Befalls::Kill => self.iso.kill(at),
        }
        self.model.befalls(who, what);
    }

    pub(crate) fn adopt(&mut self, who: usize, parent: usize) {
        self.model.adopt(who, parent);
        self.iso.adopt(self.refs[who].unwrap(), self.index(parent));
    }

    /// What the lane did since the last time, and what the model says; who is alive agrees.
    pub(crate) fn compare(&mut self) -> (Vec<String>, Vec<String>) {
        let kinds = [" starts", " stops ", " down ", " ended ", "escalated to "];
        let mut seen = self.iso.after_run();
        seen.retain(|t| kinds.iter().any(|k| t.contains(k)));
        for (at, node) in self.model.nodes.iter().enumerate() {
            let here = self.refs[at].is_none_or(|r| self.iso.lane.is_alive(r.index, r.age));
            assert_eq!(here, node.alive, "{} lives", node.name);
            if !here {
                continue;
            }
            let index = self.index(at);
            let children: Vec<_> = node.children.iter().map(|&c| self.index(c)).collect();
            assert_eq!(self.iso.lane.children(index), children, "children of {}", node.name);
            if let Some(who) = self.refs[at] {
                assert_eq!(super::supervision::generation(&self.iso, who), Some(node.generation), "{}", node.name);
            }
        }
        assert!(!self.iso.is_busy() && !self.iso.holds());
        // an escalation is told when it is decided, and what it brings about comes later: in an order of their own
        let mut said = std::mem::take(&mut self.model.trace);
        for trace in [&mut seen, &mut said] {
            trace.sort_by_key(|t| !t.starts_with("escalated"));
        }
        (seen, said)
    }
}

fn numbers(plan: &Plan) -> [f64; buskin_core::supervise::PROFILE] {
    let mut numbers = at_most(plan.strategy, plan.most);
    numbers[10] = f64::from(u8::from(plan.answer != 0));
    numbers
}
