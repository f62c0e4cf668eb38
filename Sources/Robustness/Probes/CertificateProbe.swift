/// A certificate on every example, whether the clean answer is right or not: a smoothed classifier answers by itself.
struct CertificateProbe<C: Certifier>: Probe {
  static var name: String { C.name }
  static var summary: String { C.summary }

  var certifier = C()
  init() {}

  init(from decoder: any Decoder) throws { certifier = try C(from: decoder) }
  func encode(to encoder: any Encoder) throws { try certifier.encode(to: encoder) }

  func validate() throws(RobustnessError) { try certifier.validate() }
  var examplesPerShard: Int { 50_000 / certifier.rowsPerExample }
  var ignoresNoise: Bool { certifier.ignoresNoise }
  var needsPictures: Bool { certifier.needsPictures }
  func cost(examples: Int, draws: Int) -> ProbeCost {
    ProbeCost(forward: examples * (draws + certifier.rowsPerExample))
  }
  func check(_ predictor: DeployedPredictor) throws { try certifier.check(predictor) }

  func condition(of image: ImageShape) -> Condition { .certificate }

  func details(of image: ImageShape) -> [String] { [certifier.norm.title] + certifier.details }
  func strength(of image: ImageShape) -> Strength? {
    certifier.radius.map { radius in
      Strength(
        curve: curve(without: "epsilon"), title: "\(C.name), \(certifier.norm.title)",
        axis: "\(certifier.norm.title) radius, in units of the input", value: radius,
        label: ParameterValue.written(radius))
    }
  }

  func sections(of outcomes: [Outcome], labels: ClassLabels) -> ProbeSections {
    var sections = ProbeSections()
    let certificates = outcomes.kept([Certificate].self).flatMap { $0 }
    sections.certified = Certified(certificates, norm: certifier.norm, radii: certifier.radii)
    return sections
  }

  func run(on batch: ProbeBatch, asking predictor: DeployedPredictor) throws -> Outcome {
    let subject = ignoresNoise ? predictor.withoutNoise : predictor
    var outcome = try Outcome.clean(batch, subject)
    let (certificates, rows) = try certifier.certify(batch, of: subject)
    outcome.robust = certificates.map { $0.holds(at: certifier.goal) }
    try outcome.keep(certificates)
    outcome.questions = rows
    return outcome
  }
}
