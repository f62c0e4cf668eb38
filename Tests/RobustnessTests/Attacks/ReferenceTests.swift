import DitherBasics
import DitherDatasets
import DitherInference
import DitherRobustness
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

/// Attacked images in double precision by PyTorch, and success by torchattacks and foolbox.
@Suite("Reference attacks", .enabled(if: Golden.isPresent, "reference vectors absent"))
struct ReferenceTests {
  private struct Case {
    let file: String
    let attack: any Attack
    let ball: Ball

    /// As the files are named: `pgd10_linf_0.05000.npy`.
    init?(_ file: String) {
      let words = file.dropLast(4).split(separator: "_").map(String.init)
      guard words.count == 3, let norm = Norm(rawValue: words[1]), let epsilon = Double(words[2]) else { return nil }
      self.file = file
      ball = Ball(norm, epsilon: epsilon)
      var pgd = PGD()
      pgd.randomStart = false
      switch words[0] {
      case "fgsm": attack = FGSM()
      case "pgd1":
        pgd.steps = 1
        pgd.relativeStepSize = norm == .linf ? 0.6 : 0.7
        attack = pgd
      case "pgd10":
        pgd.steps = 10
        pgd.relativeStepSize = 0.25
        attack = pgd
      default: return nil
      }
    }
  }

  @Test("the same images", arguments: Victim.names + ["resnet18_w16_cifar"])
  func images(_ name: String) throws {
    let victim = try Victim(name), folder = "attacks/\(name)/exact"
    let rows = try Golden.npy("\(folder)/image_index.npy").integers()
    let examples = Examples(
      victim.inputs.rows(at: rows), rows.map { .untargeted(label: victim.labels[$0]) },
      identities: rows.map(UInt64.init))
    var oracle = ModelOracle(victim.model, seed: 1)
    let gradient = try oracle.lossGradient(at: examples.inputs, of: examples)
    let golden = try Golden.npy("\(folder)/grad_ce_sum.npy").tensor
    #expect(worstDifference(gradient.elements, golden.elements) < 1e-4)
    for one in Golden.files(in: folder).compactMap(Case.init) {
      let found = try one.attack.perturb(examples, in: one.ball, asking: &oracle)
      let wanted = try Golden.npy("\(folder)/\(one.file)").tensor.elements
      // Without a slope the sign is nobody's.
      let differing = wanted.indices.filter {
        abs(golden.elements[$0]) >= 1e-7 && abs(found.elements[$0] - wanted[$0]) > 1e-4
      }
      // Ten steps through ReLUs in single precision end elsewhere where a gradient is near zero, on a deep net more often.
      let slack = one.file.hasPrefix("pgd10") ? wanted.count / (name.hasPrefix("resnet") ? 12 : 100) : 0
      #expect(differing.count <= slack, "\(one.file)")
      #expect(one.ball.contains(found, around: examples.inputs))
    }
  }

  /// Robust accuracy at most a point above the packages': a stronger attack is no fault.
  @Test("at least as many examples broken", arguments: Victim.names)
  func success(_ name: String) throws {
    let victim = try Victim(name)
    let results = try Golden.json("attacks/\(name)/results.json")["attacks"] as? [[String: Any]] ?? []
    for result in results {
      guard let attack = result["attack"] as? String, let epsilon = result.number("eps"),
        let norm = (result["norm"] as? String)?.lowercased(), let success = result["success"] as? String,
        let robust = result.number("robust_accuracy"), let n = result.number("n")
      else { continue }
      let step = norm == "l2" ? 0.125 : 0.1, ball = "norm=\(norm),epsilon=\(epsilon)"
      let probes = [
        "FGSM": "fgsm:\(ball)", "PGD-40": "pgd:\(ball),steps=40,relative_step_size=\(step)", "APGD-CE": "apgd:\(ball)",
        "APGD-DLR": "apgd:\(ball),loss=dlr", "APGD-T": "apgd_t:\(ball)", "FAB": "fab:\(ball)", "FAB-T": "fab:\(ball)",
        "Square": "square:\(ball)", "AutoAttack": "autoattack:\(ball),queries=500",
      ]
      guard let text = probes[attack] else { continue }
      let probe = try victim.audit([text], count: Int(n)).probes[0]
      #expect(probe.robustAccuracy <= robust + 0.01, "\(text): \(probe.robustAccuracy) against \(robust)")
      guard attack == "FGSM" else { continue }
      #expect(zip(probe.perExample, success).count { $0 == ($1 == "1") } <= 2, "\(text)")
    }
  }

  @Test("the whole ensemble leaves no more than its strongest member", arguments: [("mlp", 0.05), ("cnn", 0.05)])
  func ensemble(_ name: String, _ epsilon: Double) throws {
    let victim = try Victim(name), ball = "norm=linf,epsilon=\(epsilon)"
    let report = try victim.audit(
      [
        "autoattack:\(ball),queries=500", "apgd:\(ball)", "apgd_t:\(ball)", "fab:\(ball)", "square:\(ball),queries=500",
      ],
      count: 100)
    let members = report.probes[1...].map(\.robustAccuracy)
    // One example: the members' own random starts differ from the ensemble's.
    #expect(report.probes[0].robustAccuracy <= (members.min() ?? 0) + 0.011)
    // No attack of the four is a dummy: each breaks what the clean input does not.
    #expect(members.allSatisfy { $0 < report.probes[0].cleanAccuracy - 0.05 })
    #expect(report.checks.contains { $0.check == "black_box_wins" && $0.passed })
  }

  @Test("the same least perturbations", arguments: Victim.names)
  func distances(_ name: String) throws {
    let victim = try Victim(name)
    let results = try Golden.json("attacks/\(name)/results.json")["attacks"] as? [[String: Any]] ?? []
    for result in results {
      guard let attack = result["attack"] as? String, let n = result.number("n"),
        let median = result.number("median_l2_of_successes"),
        let text = ["DeepFool": "deepfool:norm=l2", "CW": "cw"][attack]
      else { continue }
      let package = result["package"] as? String
      guard attack == "CW" || package == "foolbox" else { continue }
      let clean = try victim.model.outputs(victim.inputs.rows(0..<Int(n))).labels()
      let found = try victim.audit([text + (text == "cw" ? ":epsilon=10" : ",epsilon=10")], count: Int(n))
      let distances = found.probes[0].distances ?? []
      let right = distances.indices.filter { clean[$0] == victim.labels[$0] }.compactMap { distances[$0] }.sorted()
      #expect(right.count >= Int(0.95 * Double(clean.count)), "\(text) on \(name)")
      let ours = right[right.count / 2]
      // Others' medians are over what they broke, with and without what was wrong already: a tenth is their tolerance.
      #expect(ours <= 1.1 * median && (attack == "CW" || ours >= 0.85 * median), "\(text): \(ours) against \(median)")
    }
  }

  @Test("where the loss is below what a float can hold, gradients are followed still")
  func saturation() throws {
    let victim = try Victim("mlp")
    let losses = try Golden.npy("attacks/mlp/exact/loss_of_all_200.npy").numbers
    let rows = losses.indices.sorted { losses[$0] < losses[$1] }.prefix(8).map { $0 }
    var oracle = ModelOracle(victim.model, seed: 1)
    let examples = Examples(
      victim.inputs.rows(at: rows), rows.map { .untargeted(label: victim.labels[$0]) },
      identities: rows.map(UInt64.init))
    let gradient = try oracle.lossGradient(at: examples.inputs, of: examples)
    #expect(losses[rows[0]] < 1e-7)
    #expect(rows.indices.allSatisfy { gradient.row($0).contains { $0 != 0 } })
    #expect(oracle.vanishedGradients == 0)
  }
}
