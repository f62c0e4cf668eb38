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

  @Test("the same images", arguments: Victim.names)
  func images(_ name: String) throws {
    let victim = try Victim(name), folder = "attacks/\(name)/exact"
    let rows = try Golden.npy("\(folder)/image_index.npy").integers()
    let examples = Examples(
      victim.inputs.rows(at: rows), rows.map { .untargeted(label: victim.labels[$0]) },
      identities: rows.map(UInt64.init))
    var oracle = ModelOracle(victim.model, seed: 1)
    let gradient = try oracle.lossGradient(at: examples.inputs, examples.criteria)
    let golden = try Golden.npy("\(folder)/grad_ce_sum.npy").tensor
    #expect(worstDifference(gradient.elements, golden.elements) < 1e-4)
    for one in Golden.files(in: folder).compactMap(Case.init) {
      let found = try one.attack.perturb(examples, in: one.ball, asking: &oracle)
      let wanted = try Golden.npy("\(folder)/\(one.file)").tensor.elements
      // Without a slope the sign is nobody's.
      let differing = wanted.indices.filter {
        abs(golden.elements[$0]) >= 1e-7 && abs(found.elements[$0] - wanted[$0]) > 1e-4
      }
      #expect(differing.count <= (one.file.hasPrefix("pgd10") ? wanted.count / 100 : 0), "\(one.file)")
      #expect(one.ball.contains(found, around: examples.inputs))
    }
  }

  @Test("the same examples broken", arguments: Victim.names)
  func success(_ name: String) throws {
    let victim = try Victim(name)
    let results = try Golden.json("attacks/\(name)/results.json")["attacks"] as? [[String: Any]] ?? []
    for result in results where result["package"] as? String == "torchattacks" {
      guard let attack = result["attack"] as? String, let epsilon = result.number("eps"),
        let norm = (result["norm"] as? String)?.lowercased(), let success = result["success"] as? String,
        let robust = result.number("robust_accuracy")
      else { continue }
      let step = norm == "l2" ? 0.125 : 0.1
      switch attack {
      case "FGSM":
        let probe = try victim.audit(["fgsm:norm=\(norm),epsilon=\(epsilon)"]).probes[0]
        let differing = zip(probe.perExample, success).count { $0 == ($1 == "1") }
        #expect(differing <= 2, "FGSM \(epsilon)")
      case "PGD-40":
        let text = "pgd:norm=\(norm),epsilon=\(epsilon),steps=40,relative_step_size=\(step)"
        let probe = try victim.audit([text]).probes[0]
        #expect(probe.robustAccuracy <= robust + 0.02 && probe.robustAccuracy >= robust - 0.05, "\(text)")
      default: continue
      }
    }
  }

  @Test("where the loss is below what a float can hold, gradients are followed still")
  func saturation() throws {
    let victim = try Victim("mlp")
    let losses = try Golden.npy("attacks/mlp/exact/loss_of_all_200.npy").numbers
    let rows = losses.indices.sorted { losses[$0] < losses[$1] }.prefix(8).map { $0 }
    var oracle = ModelOracle(victim.model, seed: 1)
    let gradient = try oracle.lossGradient(
      at: victim.inputs.rows(at: rows), rows.map { .untargeted(label: victim.labels[$0]) })
    #expect(losses[rows[0]] < 1e-7)
    #expect(rows.indices.allSatisfy { gradient.row($0).contains { $0 != 0 } })
    #expect(oracle.vanishedGradients == 0)
  }
}
