extension Battery {
  /// All that an expert would ask, in hours where the model is random or deep.
  static let full = Battery(
    name: "full",
    summary:
      "all that an expert would ask: the standard ensemble, every kind of attack, corruptions, certificates, weights",
    defaultExamples: 1000
  ) { image in
    let isColor = image.channels == 3
    let linf = isColor ? ["1/255", "2/255", "4/255", "8/255", "16/255"] : ["0.02", "0.05", "0.1", "0.2", "0.3"]
    let middle = linf[2], l2 = isColor ? "0.5" : "1.5"
    return Battery.standard.probes(image)
      + linf.map { ProbeSpec("apgd", ["norm": "linf", "epsilon": $0]) }
      + [
        ProbeSpec("autoattack", ["norm": "linf", "epsilon": middle]),
        ProbeSpec("autoattack", ["norm": "l2", "epsilon": l2]),
        ProbeSpec("pgd", ["norm": "linf", "epsilon": middle, "steps": "40", "restarts": "5"]),
        ProbeSpec("mi_fgsm", ["norm": "linf", "epsilon": middle]),
        ProbeSpec("r_fgsm", ["norm": "linf", "epsilon": middle]),
        ProbeSpec("pgd", ["norm": "l1", "epsilon": isColor ? "12" : "10", "steps": "40"]),
        ProbeSpec("cw", ["epsilon": l2]), ProbeSpec("fab", ["norm": "l2", "epsilon": l2]),
        ProbeSpec("hopskipjump", ["norm": "l2", "epsilon": l2]), ProbeSpec("bit_flips"),
        ProbeSpec("smoothing", ["sigma": "0.25", "n0": "64", "n": "1000"]),
        ProbeSpec("ibp", ["epsilon": linf[0], "mean_weights": "true"]),
      ] + (isColor ? image.constants.extras.map { ProbeSpec($0) } : [])
      + (isColor ? ["cifar100-ood"] : ["fashion-mnist", "notmnist"]).map { ProbeSpec("ood", ["data": $0]) }
  }
}
