//! Work that takes longer than the server can wait: it runs on a thread beside the server, whose client waits meanwhile.
//!
//! `answer` is the door to it. The work is plain code from top to bottom; what it wants of the server it does in visits
//! (`Host::visit`): short pieces that run on the server's own thread, under its lock, between two rounds of the event
//! loop. Between visits the thread rests in proportion, so that a report never takes more than a quarter of the server's
//! time, however much it asks. Where a client cannot wait (in MULTI, say), the same work runs on the spot.
//!
//! One piece of work is done at a time. Calls that come meanwhile wait, and when their turn comes all of them share one
//! collection of facts, which begins after the last of them came: nobody is told less than was true when he asked.

use std::cell::{Cell, RefCell};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::rc::Rc;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::answer::Answer;
use super::asking::Asking;
use super::collect;
use super::ffi::{self, Ctx, Level, Lock, WaitingClient, log};
use super::module::Module;
use crate::audit::facts::{self, Facts};
use crate::policy::table::Compiled;

/// As many calls may wait while others are answered; more are refused.
const MOST_WAITING: usize = 100;
/// A report may ask the server this long, all visits and rests included; what is not asked by then stays unknown. Ten
/// thousand users of different rights take 3 seconds on an ordinary machine, and have taken 12 on a busy one.
const PATIENCE: Duration = Duration::from_secs(60);
/// The same on the spot, where the server stands still for the whole report, in time on the processor.
const PATIENCE_ON_THE_SPOT: Duration = Duration::from_millis(40);
/// For each moment of the server's the thread leaves it as many to others.
const REST: u32 = 3;
/// Shorter rests are put together: a sleep is never this short.
const LEAST_REST: Duration = Duration::from_micros(500);
/// A script is running: another look at it after this.
const SCRIPT: Duration = Duration::from_millis(10);

/// Answers a call by work that may take long: at once, if the client may not wait.
///
/// The work is done beside the server. It may read files and /proc as it likes, and reaches the server only through the
/// host that it is given. Should it panic, the client is told that the module failed.
pub fn answer(ctx: Ctx<'_>, work: impl FnOnce(&Host<'_>) -> Answer + Send + 'static) -> Answer {
    let module = Module::get(ctx.lock());
    // As long as the module might be unloaded it must not have a thread.
    let possible = module.settled.get() && ffi::takes_errands(ctx.lock()) && ctx.may_wait();
    if !possible || !module.beside.has_thread() {
        return work(&Host::on_the_spot(ctx));
    }
    let mut waiting = module.beside.waiting.borrow_mut();
    if waiting.len() >= MOST_WAITING {
        return Answer::error(format!(
            "{MOST_WAITING} calls of SECAUDIT wait for their answers already: call again later"
        ));
    }
    let Some(client) = ctx.make_client_wait() else {
        drop(waiting);
        return work(&Host::on_the_spot(ctx));
    };
    waiting.push(Job {
        client,
        work: Box::new(work),
    });
    Answer::Later
}

/// The server, to the work that is done for one of its clients.
pub struct Host<'h> {
    way: Way<'h>,
    facts: RefCell<Option<Rc<Facts>>>,
    began: Cell<Instant>,
    began_working: Cell<Duration>,
    tally: Cell<Tally>,
    rest: Cell<Duration>,
}

/// How the work reaches the server.
enum Way<'h> {
    /// It runs in the server's own call of us.
    OnTheSpot(Ctx<'h>),
    /// It runs on our thread.
    Beside,
}

/// What the work has taken of the server's own time.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    /// How many visits.
    pub visits: u32,
    /// How long all of them took together.
    pub total: Duration,
    /// How long the longest took.
    pub longest: Duration,
}

impl<'h> Host<'h> {
    /// For work that runs in the server's own call of us.
    pub fn on_the_spot(ctx: Ctx<'h>) -> Self {
        Self::new(Way::OnTheSpot(ctx))
    }

    fn new(way: Way<'h>) -> Self {
        Self {
            way,
            facts: RefCell::new(None),
            began: Cell::new(Instant::now()),
            began_working: Cell::new(ffi::time_on_the_processor()),
            tally: Cell::default(),
            rest: Cell::default(),
        }
    }

    /// The facts, collected now; or those collected a moment ago for another client who came no earlier than this one.
    pub fn facts(&self) -> Rc<Facts> {
        if let Some(facts) = &*self.facts.borrow() {
            return Rc::clone(facts);
        }
        self.began.set(Instant::now());
        self.began_working.set(ffi::time_on_the_processor());
        self.tally.take();
        let beside = self.is_beside();
        let gate = self.visit(move |ctx| begin(ctx, beside));
        let facts = Rc::new(collect::collect(&Asking::new(self), gate));
        self.facts.replace(Some(Rc::clone(&facts)));
        facts
    }

    /// Runs a piece of code on the server's own thread, under its lock, and gives back what it yields. It must only look,
    /// and be short: everyone waits for it.
    ///
    /// The context is not the waiting client's: it has no client, and what it calls runs as the server. There is no way
    /// to miss a visit: on a server that ends, it never returns; if the code panics, so does this.
    pub fn visit<T: Send + 'static>(&self, code: impl FnOnce(Ctx<'_>) -> T + Send + 'static) -> T {
        match self.way {
            Way::OnTheSpot(ctx) => {
                let begun = Instant::now();
                let seen = code(ctx);
                self.note(begun.elapsed());
                seen
            }
            Way::Beside => {
                let (seen, took) = errand(code);
                self.note(took);
                self.rest(took);
                seen
            }
        }
    }

    /// Like `visit`, for code that changes something: after it, facts are collected anew.
    ///
    /// This is how SECAUDIT FIX works: in one piece of work, take `facts`, judge them, and do each step of the fix in an
    /// `act` of its own, which first looks whether it may still (the seal, the policy and the settings may have changed
    /// since the facts were collected); then take `facts` once more for what is so now. All of it is one job, so no other
    /// client's report sees the server between two steps, but the server serves all clients between them.
    pub fn act<T: Send + 'static>(&self, code: impl FnOnce(Ctx<'_>) -> T + Send + 'static) -> T {
        self.facts.take();
        self.visit(code)
    }

    /// Why nothing more is asked of the server that can be left out, if that is so.
    pub fn out_of_time(&self) -> Option<String> {
        match self.way {
            Way::Beside if self.began.get().elapsed() > PATIENCE => Some(format!(
                "not asked: the report took longer than {} seconds",
                PATIENCE.as_secs()
            )),
            Way::OnTheSpot(_) if self.busy() > PATIENCE_ON_THE_SPOT => Some(format!(
                "not asked: in a transaction the server waits for the report, and it took longer than {} ms",
                PATIENCE_ON_THE_SPOT.as_millis()
            )),
            Way::Beside | Way::OnTheSpot(_) => None,
        }
    }

    /// How long this thread has worked for the report.
    fn busy(&self) -> Duration {
        ffi::time_on_the_processor().saturating_sub(self.began_working.get())
    }

    /// What collecting the facts took, so far, and how much of that was the server's own time.
    pub fn cost(&self) -> (Duration, Tally) {
        (self.began.get().elapsed(), self.tally.get())
    }

    /// Whether the work runs on our thread.
    pub fn is_beside(&self) -> bool {
        matches!(self.way, Way::Beside)
    }

    fn note(&self, took: Duration) {
        let mut tally = self.tally.get();
        tally.visits = tally.visits.saturating_add(1);
        tally.total = tally.total.saturating_add(took);
        tally.longest = tally.longest.max(took);
        self.tally.set(tally);
    }

    fn rest(&self, took: Duration) {
        let owed = self.rest.get().saturating_add(took.saturating_mul(REST));
        if owed < LEAST_REST {
            self.rest.set(owed);
            return;
        }
        self.rest.take();
        thread::sleep(owed);
    }
}

/// Has the server run a piece of code, and waits for it; what it yielded, and how long it took.
fn errand<T: Send + 'static>(code: impl FnOnce(Ctx<'_>) -> T + Send + 'static) -> (T, Duration) {
    let mut code = code;
    loop {
        let (tell, told) = mpsc::channel();
        let sent = ffi::send_errand(Box::new(move |ctx: Ctx<'_>| {
            // The event loop also turns while a script runs too long, and we do not step in between its calls.
            let outcome = if ffi::server_state().script {
                Err(code)
            } else {
                let begun = Instant::now();
                let seen = code(ctx);
                Ok((seen, begun.elapsed()))
            };
            let _ = tell.send(outcome);
        }));
        if !sent {
            ffi::fail_too();
        }
        match told.recv() {
            Ok(Ok(outcome)) => return outcome,
            Ok(Err(again)) => code = again,
            // The code panicked and took its end of the channel with it.
            Err(_) => ffi::fail_too(),
        }
        thread::sleep(SCRIPT);
    }
}

/// What is known at the beginning of a report. The gate is judged as it is at this moment, even if it changes meanwhile.
fn begin(ctx: Ctx<'_>, beside: bool) -> facts::Gate {
    let module = Module::get(ctx.lock());
    if beside {
        let compiled = Rc::clone(&module.compiled.borrow());
        module.beside.gate.replace(Some(compiled));
    }
    let policy = module.policy.borrow();
    facts::Gate {
        mode: policy.mode().word(),
        statements: policy.statements().len(),
        ids: policy
            .statements()
            .iter()
            .map(|one| one.id.clone())
            .collect(),
        policy_file: module
            .settings
            .policy_path
            .borrow()
            .as_ref()
            .map(|path| path.as_os_str().as_bytes().to_vec()),
        log_file: module.log_file.path(),
        names: facts::new_names(&policy),
        on_trial: facts::rules_on_trial(&policy),
        sealed: module.sealed.get(),
        capabilities: module.capabilities.get().named(),
        accepted: facts::Accepted::by(&policy),
    }
}

/// The calls that wait, and the thread that answers them. Only touched under the lock.
#[derive(Default)]
pub struct Beside {
    waiting: RefCell<Vec<Job>>,
    thread: RefCell<Option<JoinHandle<()>>>,
    /// The gate as the report that is being made judges it.
    gate: RefCell<Option<Rc<Compiled>>>,
}

impl Beside {
    /// The gate as a report judges it: `beside` for one that is made on our thread.
    pub fn gate(lock: Lock<'_>, beside: bool) -> Rc<Compiled> {
        let module = Module::get(lock);
        let kept = match beside {
            true => module.beside.gate.borrow().clone(),
            false => None,
        };
        kept.unwrap_or_else(|| Rc::clone(&module.compiled.borrow()))
    }

    /// Whether there is a thread, or could be started. It ends when nobody waits, and the next call starts another.
    fn has_thread(&self) -> bool {
        let mut thread = self.thread.borrow_mut();
        if thread.as_ref().is_some_and(|thread| !thread.is_finished()) {
            return true;
        }
        match start() {
            Ok(started) => {
                thread.replace(started);
                true
            }
            Err(error) => {
                let text =
                    format!("secaudit: no thread for a report, the server waits for it: {error}");
                log(Level::Warning, &text);
                false
            }
        }
    }

    /// All that wait now. If none do, the thread ends.
    fn next(&self) -> Vec<Job> {
        let jobs = self.waiting.take();
        if jobs.is_empty() {
            self.gate.take();
            // Dropped, it runs out on its own; the next call must not take it for one that will come back.
            self.thread.take();
        }
        jobs
    }
}

/// A call that waits for its answer.
struct Job {
    client: WaitingClient,
    work: Box<dyn FnOnce(&Host<'_>) -> Answer + Send>,
}

fn start() -> io::Result<JoinHandle<()>> {
    ffi::spawn_beside_the_server("audit", ffi::Stack::Ordinary, || {
        ffi::fence((), run);
    })
}

fn run() {
    loop {
        let host = Host::new(Way::Beside);
        let jobs = host.visit(|ctx| Module::get(ctx.lock()).beside.next());
        if jobs.is_empty() {
            return;
        }
        for Job { client, work } in jobs {
            client.answer(ffi::fence(Answer::failed_inside(), || work(&host)));
        }
    }
}
