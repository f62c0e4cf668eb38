import DitherBasics
import DitherDatasets
import DitherRobustness
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

/// The published code's own pixels and statistics.
@Suite("Reference corruptions", .enabled(if: Golden.isPresent, "reference vectors absent"))
struct ReferenceCorruptionTests {
  /// [N, H, W, C] bytes as [N, C, H, W] in [0, 1].
  private static func planar(_ array: Tensor) -> Tensor {
    let d = array.shape.dimensions, channels = d.count == 4 ? d[3] : 1, (n, h, w) = (d[0], d[1], d[2])
    return Tensor([n, channels, h, w]) { out in
      for i in out.indices {
        let x = i % w, y = i / w % h, c = i / (w * h) % channels, row = i / (w * h * channels)
        out[i] = array.elements[((row * h + y) * w + x) * channels + c] / 255
      }
    }
  }

  private func apply(_ name: String, _ parameters: [String: String], _ inputs: Tensor, _ severity: Int) throws -> Tensor
  {
    func corrupted<C: Corruption>(_ kind: C.Type) throws -> Tensor {
      var one = C()
      if var motion = one as? MotionBlur, let angle = parameters["angle"] {
        motion.angle = angle
        one = motion as? C ?? one
      }
      return one.apply(
        to: inputs, identities: (0..<inputs.rowCount).map(UInt64.init), severity: severity, seed: 7,
        constants: .cifar10c)
    }
    return try corrupted(Catalog<any Corruption.Type>.corruptions.entry(named: name))
  }

  @Test(
    "the same pixels",
    arguments: ["cifar", "grey28"],
    [
      "brightness", "contrast", "defocus_blur", "gaussian_blur", "jpeg_compression", "pixelate", "saturate",
      "zoom_blur",
      "motion_blur_angle_-45", "motion_blur_angle_0", "motion_blur_angle_20",
    ])
  func pixels(_ set: String, _ file: String) throws {
    guard Golden.files(in: "corruptions/\(set)/exact").contains("\(file).npy") else { return }
    let clean = try Golden.npy("corruptions/\(set)/\(set == "cifar" ? "clean256" : "clean16").npy").tensor
    let golden = try Golden.npy("corruptions/\(set)/exact/\(file).npy").tensor
    let inputs = Self.planar(clean.rows(0..<16)), parts = file.components(separatedBy: "_angle_")
    let parameters = parts.count == 2 ? ["angle": parts[1]] : [:]
    for severity in 1...5 {
      let found = try apply(parts[0], parameters, inputs, severity)
      let each = golden.rowLength, d = golden.shape.dimensions
      let part = Tensor(Shape(Array(d[1...])), Array(golden.elements[(severity - 1) * each..<severity * each]))
      let wanted = Self.planar(part)
      // Gray pictures stay floats; the published ones were cut to bytes.
      let levels = zip(found.elements, wanted.elements).map {
        abs((($0 * 255 + 1e-3).rounded(.down)) - ($1 * 255).rounded())
      }
      let slack: Float = file == "jpeg_compression" ? 4 : file.hasPrefix("motion") ? 2 : 1
      let off = levels.count { $0 > slack }, most = levels.max() ?? 0
      #expect(off <= levels.count / 100, "\(file) \(severity): \(off) of \(levels.count) are off by more than \(slack)")
      if file != "jpeg_compression" { #expect(most <= max(slack, 2), "\(file) \(severity): \(most)") }
    }
  }

  @Test(
    "the same statistics",
    arguments: [
      "gaussian_noise", "shot_noise", "impulse_noise", "glass_blur", "motion_blur", "fog", "elastic_transform",
      "speckle_noise",
      "snow", "frost", "spatter",
    ])
  func statistics(_ name: String) throws {
    let inputs = Self.planar(try Golden.npy("corruptions/cifar/clean256.npy").tensor)
    let table = try Golden.json("corruptions/cifar/table.json")
    for severity in 1...5 {
      let found = try apply(name, [:], inputs, severity)
      let row = try #require((table["table"] as? [String: Any])?[name] as? [String: Any])
      let differences = zip(found.elements, inputs.elements).map { Double($0 - $1) * 255 },
        n = Double(differences.count)
      // Those that depend on pictures or libraries that are not here are bands.
      let isBand = ["snow", "frost", "spatter"].contains(name), slack = isBand ? 0.6 : 0.03
      func expect(_ key: String, _ mine: Double, scale: Double) throws {
        let wanted = try #require(row.number("\(severity)", key, "value"))
        let error = try #require(row.number("\(severity)", key, "se"))
        // Four joint standard errors: ours is as large as theirs.
        let bound = max(4 * error * 2.squareRoot(), slack * max(abs(wanted), isBand ? scale : 0))
        #expect(abs(mine - wanted) <= bound, "\(key), severity \(severity): \(mine) against \(wanted) ± \(error)")
      }
      let size = try #require(row.number("\(severity)", "mean_abs_difference", "value"))
      try expect("mean_difference", differences.reduce(0, +) / n, scale: size)
      try expect("mean_abs_difference", differences.reduce(0) { $0 + abs($1) } / n, scale: size)
      try expect("rms_difference", (differences.reduce(0) { $0 + $1 * $1 } / n).squareRoot(), scale: size)
    }
  }
}
