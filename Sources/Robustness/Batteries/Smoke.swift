extension Battery {
  /// A first look, in seconds.
  static let smoke = Battery(
    name: "smoke", summary: "a first look in seconds: clean, fgsm, pgd, two corruptions, calibration",
    defaultExamples: 100
  ) { image in
    let isColour = image.channels == 3
    let linf = isColour ? ["2/255", "4/255", "8/255"] : ["0.02", "0.05", "0.1"], l2 = isColour ? "0.5" : "1"
    return [ProbeSpec("clean"), ProbeSpec("calibration")]
      + linf.map { ProbeSpec("fgsm", ["norm": "linf", "epsilon": $0]) }
      + linf.map { ProbeSpec("pgd", ["norm": "linf", "epsilon": $0, "steps": "20"]) }
      + [
        ProbeSpec("pgd", ["norm": "l2", "epsilon": l2, "steps": "20"]),
        ProbeSpec("gaussian_noise"), ProbeSpec("salt_and_pepper"),
      ]
  }
}
