import DitherBasics
import DitherDatasets
import DitherRobustness
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

@Suite("Corruptions")
struct CorruptionTests {
  static let shapes: [Shape] = [[1, 28, 28], [28, 28], [784], [3, 32, 32], [3072], [13]]

  @Test("in [0, 1], repeatable, by identity, stronger with severity", arguments: Catalog.corruptions.names, shapes)
  func properties(_ name: String, _ shape: Shape) throws {
    let corruption = try Catalog.corruptions.entry(named: name).init()
    let inputs = Tensor.random(Shape([4] + shape.dimensions), seed: 1, from: 0, to: 1)
    let identities: [UInt64] = [7, 8, 9, 10]
    var last = 0.0
    for severity in 1...5 {
      let changed = corruption.apply(to: inputs, identities: identities, severity: severity, seed: 3)
      #expect(changed.shape == inputs.shape && changed.elements.allSatisfy { (0...1).contains($0) })
      let alone = corruption.apply(to: inputs.rows(at: [2]), identities: [9], severity: severity, seed: 3)
      #expect(alone.row(0).elementsEqual(changed.row(2)))
      let difference = (changed - inputs).elements.reduce(0) { $0 + abs(Double($1)) }
      // Thirteen numbers may be too few to be hit.
      if shape.count > 100 { #expect(difference > last) }
      last = difference
    }
  }

  @Test(
    "the moments of the published code on CIFAR-10", .enabled(if: Golden.isPresent, "reference vectors absent"),
    arguments: [("gaussian_noise", "gaussian_noise"), ("salt_and_pepper", "impulse_noise")])
  func published(_ name: String, _ theirs: String) throws {
    let images = try Golden.npy("corruptions/cifar/clean256.npy")
    let (n, h, w) = (images.shape[0], images.shape[1], images.shape[2])
    let bytes = images.tensor.elements
    let inputs = Tensor([n, 3, h, w]) { out in
      for i in 0..<n {
        for p in 0..<h * w { for c in 0..<3 { out[(i * 3 + c) * h * w + p] = bytes[(i * h * w + p) * 3 + c] / 255 } }
      }
    }
    let table = (try Golden.json("corruptions/cifar/table.json")["table"] as? [String: Any])?[theirs] as? [String: Any]
    for severity in 1...5 {
      let changed = try Catalog.corruptions.entry(named: name).init()
        .apply(to: inputs, identities: (0..<n).map(UInt64.init), severity: severity, seed: 1)
      let differences = (changed - inputs).elements.map { Double($0) * 255 }
      let count = Double(differences.count)
      func expect(_ key: String, _ mine: Double) throws {
        let wanted = try #require(table?.number("\(severity)", key, "value"))
        let error = try #require(table?.number("\(severity)", key, "se"))
        #expect(abs(mine - wanted) <= max(6 * error, 0.03 * abs(wanted)), "\(key), severity \(severity)")
      }
      try expect("mean_abs_difference", differences.reduce(0) { $0 + abs($1) } / count)
      try expect("rms_difference", (differences.reduce(0) { $0 + $1 * $1 } / count).squareRoot())
      try expect("mean_difference", differences.reduce(0, +) / count)
    }
  }
}
