extension Battery {
  /// A first look, in seconds.
  static let smoke = Battery(
    name: "smoke", summary: "a first look in seconds: clean, fgsm, pgd, two corruptions, calibration",
    defaultExamples: 100
  ) { image in
    let isColor = image.channels == 3
    let linf = isColor ? ["2/255", "8/255"] : ["0.05", "0.1"], l2 = isColor ? "0.5" : "1"
    // Few draws to begin with: more are added where the loss is not known well enough.
    func attack(_ name: String, _ norm: String, _ epsilon: String, _ rest: [String: String] = [:]) -> ProbeSpec {
      let common = ["norm": norm, "epsilon": epsilon, "draws": "4", "most_draws": "128"]
      return ProbeSpec(name, common.merging(rest) { $1 })
    }
    // From wide to narrow: as strong as 20 steps of a tenth (docs/benchmarks.md).
    let steps = ["steps": "8", "relative_step_size": "0.7", "schedule": "linear"]
    return [ProbeSpec("clean"), ProbeSpec("calibration")]
      + linf.map { attack("pgd", "linf", $0, steps) }
      + [
        attack("pgd", "l2", l2, steps),
        // One radius of it shows whether the steps of the other gain anything.
        attack("fgsm", "linf", linf[linf.count - 1]),
        ProbeSpec("gaussian_noise"), ProbeSpec("salt_and_pepper"),
      ]
  }
}
