import DitherBasics
import DitherDatasets
import DitherRobustness
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

@Suite("Corruptions")
struct CorruptionTests {
  static let shapes: [Shape] = [[1, 28, 28], [28, 28], [784], [3, 32, 32], [32, 30, 3], [3072], [13]]

  @Test(
    "in [0, 1], repeatable, by identity, noise stronger with severity", arguments: Catalog.corruptions.names, shapes)
  func properties(_ name: String, _ shape: Shape) throws {
    let kind = try Catalog.corruptions.entry(named: name), corruption = kind.init()
    guard !kind.needsPicture || ImageShape(shape).isPicture else { return }
    let inputs = Tensor.random(Shape([4] + shape.dimensions), seed: 1, from: 0, to: 1)
    let identities: [UInt64] = [7, 8, 9, 10]
    var last = 0.0
    for severity in 1...5 {
      let changed = corruption.apply(to: inputs, identities: identities, severity: severity, seed: 3)
      #expect(changed.shape == inputs.shape && changed.elements.allSatisfy { (0...1).contains($0) })
      let alone = corruption.apply(to: inputs.rows(at: [2]), identities: [9], severity: severity, seed: 3)
      #expect(alone.row(0).elementsEqual(changed.row(2)))
      let difference = (changed - inputs).elements.reduce(0) { $0 + abs(Double($1)) }
      // Thirteen numbers may be too few to be hit. What severities of other groups mean is not how far pixels move.
      let changesGray = name != "saturate" || ImageShape(shape).channels == 3 || severity >= 4
      if shape.count > 100, changesGray { #expect(difference > (kind.group == .noise ? last : 0)) }
      last = difference
    }
  }

  @Test("one example's corruption is the same bytes everywhere")
  func bytes() throws {
    let inputs = Tensor.random([2, 3, 32, 32], seed: 1, from: 0, to: 1)
    for name in ["shot_noise", "fog", "elastic_transform", "jpeg_compression", "snow"] {
      let kind = try Catalog.corruptions.entry(named: name).init()
      let first = kind.apply(to: inputs, identities: [3, 4], severity: 3, seed: 9)
      #expect(first == kind.apply(to: inputs, identities: [3, 4], severity: 3, seed: 9), "\(name)")
      if name != "jpeg_compression" {
        #expect(first != kind.apply(to: inputs, identities: [3, 4], severity: 3, seed: 10), "\(name)")
      }
    }
  }

  @Test("pictures only, where rows and columns matter")
  func refused() throws {
    #expect(!GaussianNoise.needsPicture && Fog.needsPicture)
    #expect(throws: RobustnessError.self) { try ProbeSpec(parsing: "fog:constants=imagenet").resolved() }
    #expect(throws: RobustnessError.self) { try ProbeSpec(parsing: "motion_blur:angle=400").resolved() }
  }
}
