import DitherBasics

extension Battery {
  /// What a report for others should hold, in minutes.
  static let standard = Battery(
    name: "standard",
    summary: "in minutes: gradient, black-box and least-norm attacks, corruptions, calibration, uncertainty, weights",
    defaultExamples: 200
  ) { image in
    let isColour = image.channels == 3
    let linf = isColour ? ["2/255", "4/255", "8/255"] : ["0.05", "0.1", "0.2"], l2 = isColour ? "0.5" : "1.5"
    let middle = linf[1]
    return [ProbeSpec("clean"), ProbeSpec("calibration"), ProbeSpec("temperature"), ProbeSpec("selective")]
      + [ProbeSpec("conformal")]
      + [ProbeSpec("samples", ["most": "32"]), ProbeSpec("shift")]
      + [ProbeSpec("fgsm", ["norm": "linf", "epsilon": middle])]
      + linf.map { ProbeSpec("pgd", ["norm": "linf", "epsilon": $0, "steps": "20", "single_draw": "true"]) }
      + [
        ProbeSpec("pgd", ["norm": "linf", "epsilon": middle, "steps": "40"]),
        ProbeSpec("apgd", ["norm": "linf", "epsilon": middle, "steps": "50"]),
        ProbeSpec("apgd", ["norm": "l2", "epsilon": l2, "steps": "50"]),
        ProbeSpec("square", ["norm": "linf", "epsilon": middle, "queries": "300"]),
        ProbeSpec("additive_noise", ["norm": "linf", "epsilon": middle, "repeats": "30"]),
        ProbeSpec("deepfool", ["norm": "l2", "epsilon": l2, "steps": "20", "candidates": "4"]),
      ] + corruptions(image)
      + [
        ProbeSpec("weight_noise", ["draws": "8"]), ProbeSpec("quantised_weights"), ProbeSpec("worst_weights"),
        ProbeSpec("sharpness", ["lanczos": "16", "vectors": "2", "examples": "100"]),
      ]
  }

  /// The published corruptions of images of this kind, as far as there are any.
  static func corruptions(_ image: ImageShape) -> [ProbeSpec] {
    let known = Catalog<any Corruption.Type>.corruptions.names
    let published = image.isPicture ? CorruptionTable.protocolNames(image).filter(known.contains) : []
    return (published.isEmpty ? ["gaussian_noise", "salt_and_pepper"] : published).map { ProbeSpec($0) }
  }
}
