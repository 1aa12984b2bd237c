// Wiring: which genes run, in which order. Generated from genome.bin; edits are overwritten.
#[allow(unused_imports)]
use agent::genes;
use agent::kernel::{live, Gene};

const GENES: &[Gene] = &[
    Gene { name: "curiosity::wander", run: genes::curiosity::wander },
    Gene { name: "curiosity::jitter", run: genes::curiosity::jitter },
    Gene { name: "curiosity::doubt", run: genes::curiosity::doubt },
    Gene { name: "express::settle", run: genes::express::settle },
    Gene { name: "express::median", run: genes::express::median },
    Gene { name: "express::blend", run: genes::express::blend },
    Gene { name: "linear::fit", run: genes::linear::fit },
    Gene { name: "linear::predict", run: genes::linear::predict },
    Gene { name: "linear::deepen", run: genes::linear::deepen },
    Gene { name: "linear::fade", run: genes::linear::fade },
    Gene { name: "memory::remember", run: genes::memory::remember },
    Gene { name: "memory::average", run: genes::memory::average },
    Gene { name: "memory::analog", run: genes::memory::analog },
    Gene { name: "memory::forget", run: genes::memory::forget },
    Gene { name: "metabolism::rest", run: genes::metabolism::rest },
    Gene { name: "metabolism::share", run: genes::metabolism::share },
    Gene { name: "momentum::inertia", run: genes::momentum::inertia },
    Gene { name: "momentum::push", run: genes::momentum::push },
    Gene { name: "momentum::brake", run: genes::momentum::brake },
    Gene { name: "momentum::swing", run: genes::momentum::swing },
    Gene { name: "neural::features", run: genes::neural::features },
    Gene { name: "neural::learn", run: genes::neural::learn },
    Gene { name: "neural::run", run: genes::neural::run },
    Gene { name: "neural::bend", run: genes::neural::bend },
    Gene { name: "neural::reset", run: genes::neural::reset },
    Gene { name: "repair::clip", run: genes::repair::clip },
    Gene { name: "repair::debias", run: genes::repair::debias },
    Gene { name: "repair::sanity", run: genes::repair::sanity },
    Gene { name: "seasonality::echo", run: genes::seasonality::echo },
    Gene { name: "seasonality::tune", run: genes::seasonality::tune },
    Gene { name: "seasonality::phase", run: genes::seasonality::phase },
    Gene { name: "seasonality::mirror", run: genes::seasonality::mirror },
    Gene { name: "sense::root", run: genes::sense::root },
    Gene { name: "sense::center", run: genes::sense::center },
    Gene { name: "sense::blur", run: genes::sense::blur },
    Gene { name: "social::trust", run: genes::social::trust },
    Gene { name: "social::listen", run: genes::social::listen },
    Gene { name: "social::imitate", run: genes::social::imitate },
    Gene { name: "social::speak", run: genes::social::speak },
    Gene { name: "social::mislead", run: genes::social::mislead },
    Gene { name: "social::thank", run: genes::social::thank },
    Gene { name: "trend::holt", run: genes::trend::holt },
    Gene { name: "trend::leap", run: genes::trend::leap },
    Gene { name: "trend::damp", run: genes::trend::damp },
];

fn main() {
    live(GENES);
}
