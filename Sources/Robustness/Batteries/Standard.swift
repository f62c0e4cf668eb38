import DitherBasics

extension Battery {
  /// The content of a report for others, in minutes.
  static let standard = Battery(
    name: "standard",
    summary: "in minutes: gradient, black-box and least-norm attacks, corruptions, calibration, uncertainty, weights",
    defaultExamples: 200
  ) { image in
    let isColor = image.channels == 3
    let linf = isColor ? ["2/255", "4/255", "8/255"] : ["0.05", "0.1", "0.2"], l2 = isColor ? "0.5" : "1.5"
    let middle = linf[1]
    // Fewer than the default draws, and more where the loss is not known well enough: as strong (docs/decisions.md).
    func attack(_ name: String, _ norm: String, _ epsilon: String, _ rest: [String: String] = [:]) -> ProbeSpec {
      let common = ["norm": norm, "epsilon": epsilon, "draws": "4", "most_draws": "128"]
      return ProbeSpec(name, common.merging(rest) { $1 })
    }
    return [ProbeSpec("clean"), ProbeSpec("calibration"), ProbeSpec("temperature"), ProbeSpec("selective")]
      + [ProbeSpec("conformal")]
      + [ProbeSpec("samples", ["most": "32"]), ProbeSpec("shift")]
      + [attack("fgsm", "linf", middle)]
      + linf.map { attack("pgd", "linf", $0, ["steps": "20", "single_draw": "true"]) }
      + [
        attack("pgd", "linf", middle, ["steps": "40"]),
        attack("apgd", "linf", middle, ["steps": "50"]),
        attack("apgd", "l2", l2, ["steps": "50"]),
        attack("square", "linf", middle, ["queries": "300"]),
        attack("additive_noise", "linf", middle, ["repeats": "30"]),
        attack("deepfool", "l2", l2, ["steps": "20", "candidates": "4", "standard_error": "0.25"]),
      ] + corruptions(image)
      + [
        ProbeSpec("weight_noise", ["draws": "8"]), ProbeSpec("quantised_weights"), ProbeSpec("worst_weights"),
        ProbeSpec("sharpness", ["lanczos": "16", "vectors": "2", "examples": "100"]),
      ]
  }

  /// The published corruptions of images of this kind, as far as there are any.
  static func corruptions(_ image: ImageShape) -> [ProbeSpec] {
    let published = image.isPicture ? image.constants.corruptions : []
    return (published.isEmpty ? ["gaussian_noise", "salt_and_pepper"] : published).map { ProbeSpec($0) }
  }
}
