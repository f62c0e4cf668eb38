import DitherBasics
import DitherGraph
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

/// Each structured noise beside what defines it.
@Suite("Structured noise")
struct NoiseFormulaTests {
  private func draws(_ name: String, _ shape: Shape, _ count: Int, _ parameters: [String: Setting] = [:]) throws
    -> [[Float]]
  {
    var map = parameters
    map["site"] = .text("input")
    map["distribution"] = .text(name)
    if try Catalog.noises.entry(named: name).combination == .adds { map["sigma"] = .number(1) }
    let noise = try NoiseModel([NoiseTerm(.mapping(map), at: "term")]).terms[0].noise
    return (0..<count).map { number in
      [Float](unsafeUninitializedCapacity: shape.count) { out, written in
        noise.fill(out, of: shape, at: NoiseAddress(seed: 7, site: 3, sample: UInt32(number)))
        written = shape.count
      }
    }
  }

  @Test("neighbors correlate as exp(−d² / 4 length²), along both axes and not across channels")
  func correlated() throws {
    let shape: Shape = [2, 12, 12], length = 1.5,
      all = try draws("correlated", shape, 1500, ["length": .number(length)])
    func correlation(_ offset: (channel: Int, y: Int, x: Int)) -> Double {
      var sum = 0.0, count = 0.0
      for draw in all {
        for y in 0..<12 - offset.y {
          for x in 0..<12 - offset.x {
            let other = (offset.channel * 12 + y + offset.y) * 12 + x + offset.x
            sum += Double(draw[y * 12 + x]) * Double(draw[other])
            count += 1
          }
        }
      }
      return sum / count
    }
    #expect(abs(correlation((0, 0, 0)) - 1) < 0.03)
    for (y, x) in [(0, 1), (1, 0), (1, 1), (0, 2), (3, 0)] {
      let wanted = exp(-Double(x * x + y * y) / (4 * length * length))
      #expect(abs(correlation((0, y, x)) - wanted) < 0.03, "\(y), \(x)")
    }
    #expect(abs(correlation((1, 0, 0))) < 0.03)
    // White at length 0.
    #expect(try draws("correlated", [16], 1, ["length": .number(0)]) == draws("gaussian", [16], 1))
  }

  private func rank(_ rows: [[Double]]) -> Int {
    var rows = rows, rank = 0
    for column in 0..<(rows.first?.count ?? 0) {
      guard let pivot = (rank..<rows.count).max(by: { abs(rows[$0][column]) < abs(rows[$1][column]) }),
        abs(rows[pivot][column]) > 1e-4
      else { continue }
      rows.swapAt(rank, pivot)
      for row in rank + 1..<max(rows.count, rank + 1) {
        let factor = rows[row][column] / rows[rank][column]
        for at in rows[row].indices { rows[row][at] -= factor * rows[rank][at] }
      }
      rank += 1
      if rank == rows.count { break }
    }
    return rank
  }

  @Test("low-rank noise has the rank that it says, factorized noise 1, independent noise all", arguments: [1, 2, 5])
  func ranks(_ wanted: Int) throws {
    func ranks(_ name: String, _ parameters: [String: Setting] = [:]) throws -> [Int] {
      try draws(name, [8, 2, 3], 20, parameters).map { draw in
        rank((0..<8).map { row in (0..<6).map { Double(draw[row * 6 + $0]) } })
      }
    }
    #expect(try ranks("low_rank", ["rank": .number(Double(wanted))]).allSatisfy { $0 == wanted })
    #expect(try ranks("factorized").allSatisfy { $0 == 1 } && ranks("gaussian").allSatisfy { $0 == 6 })
  }

  @Test("factorized noise has mean 0, variance 2/π and a fourth moment of 1")
  func factorized() throws {
    let all: [Double] = try draws("factorized", [6, 5], 20_000).flatMap { $0.map(Double.init) }
    func moment(_ power: Double) -> Double {
      all.reduce(0) { (sum: Double, x: Double) -> Double in sum + pow(x, power) } / Double(all.count)
    }
    #expect(abs(moment(1)) < 0.01)
    #expect(abs(moment(2) - 2 / Double.pi) < 0.01)
    #expect(abs(moment(4) - 1) < 0.05)
  }

  @Test("all of a channel has one draw, channels have others")
  func channels() throws {
    for draw in try draws("channel", [4, 3, 2], 50) {
      let first = (0..<4).map { draw[6 * $0] }
      #expect(draw.indices.allSatisfy { draw[$0] == first[$0 / 6] } && Set(first).count == 4)
    }
  }

  @Test("Gaussian dropout has dropout's two moments", arguments: [0.2, 0.5])
  func gaussianDropout(_ rate: Double) throws {
    for name in ["gaussian_dropout", "dropout"] {
      let all = try draws(name, [100], 2000, ["rate": .number(rate)]).flatMap { $0.map(Double.init) }
      let mean = all.reduce(0, +) / Double(all.count)
      let variance = all.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(all.count)
      #expect(abs(mean - 1) < 0.01 && abs(variance - rate / (1 - rate)) < 0.02, "\(name)")
    }
  }

  @Test(
    "blocks cover each pixel with the rate, also at the edges", arguments: [("block_mask", 0.3), ("drop_block", 0.2)])
  func blocks(_ name: String, _ rate: Double) throws {
    let count = 4000, parameters: [String: Setting] = ["rate": .number(rate), "size": .number(3)]
    let all = try draws(name, [2, 7, 6], count, parameters)
    func isCovered(_ draw: [Float], _ at: Int) -> Bool { draw[at] == 0 }
    let error = (rate * (1 - rate) / Double(count)).squareRoot()
    for pixel in 0..<84 {
      let share = Double(all.count { isCovered($0, pixel) }) / Double(count)
      #expect(abs(share - rate) < 5 * error, "pixel \(pixel): \(share)")
    }
    // Neighbors go together, channels where the noise says so.
    let pairs = all.count { isCovered($0, 8) && isCovered($0, 9) },
      channels = all.count { isCovered($0, 8) == isCovered($0, 50) }
    #expect(Double(pairs) / Double(count) > rate * rate + 0.05)
    #expect((channels == count) == (name == "block_mask"))
    let rest: Set<Float> = name == "block_mask" ? [0] : [0, 1 / (1 - Float(rate))]
    #expect(Set(all.flatMap { $0 }.filter { !$0.isNaN }) == rest)
    for (edge, share) in [(0.0, 0.0), (1, 1)] where name == "block_mask" {
      let found = try draws(name, [1, 5, 5], 3, ["rate": .number(edge)]).flatMap { $0 }
      #expect(Double(found.count { !$0.isNaN }) == share * Double(found.count))
    }
  }

  @Test("a patch is square, noisy within and nothing outside, and may leave the edge")
  func patch() throws {
    let shape: Shape = [2, 9, 9], all = try draws("patch_gaussian", shape, 3000, ["size": .number(5)])
    var corners = 0, sizes = Set<Int>()
    for draw in all {
      let rows = (0..<9).filter { y in (0..<9).contains { draw[y * 9 + $0] != 0 } }
      let columns = (0..<9).filter { x in (0..<9).contains { draw[$0 * 9 + x] != 0 } }
      let area = (0..<81).count { draw[$0] != 0 }, other = (81..<162).count { draw[$0] != 0 }
      #expect(area == rows.count * columns.count && area == other)
      #expect((3...5).contains(rows.count) && (3...5).contains(columns.count))
      sizes.insert(area)
      if draw[0] != 0 { corners += 1 }
    }
    #expect(sizes.contains(25) && sizes.contains(9))
    // The corner is in the patches around 3 · 3 of 81 pixels.
    #expect(abs(Double(corners) / 3000 - 1.0 / 9) < 0.03)
    let inside = all.flatMap { $0.filter { $0 != 0 }.map(Double.init) }
    #expect(abs(inside.reduce(0) { $0 + $1 * $1 } / Double(inside.count) - 1) < 0.02)
  }

  @Test(
    "a patch that covers any picture is Gaussian noise, and clipped noise that is strong is a patch of black and white")
  func patchLimits() throws {
    let shape: Shape = [1, 9, 9]
    let whole = try draws("patch_gaussian", shape, 20, ["size": .number(17)]), plain = try draws("gaussian", shape, 20)
    #expect(whole == plain)
    var (white, inside) = (0, 0)
    for draw in try draws("patch_gaussian", shape, 400, ["size": .number(5)]) {
      let clipped = draw.map { min(max(0.5 + 1e6 * $0, 0), 1) }
      #expect(zip(clipped, draw).allSatisfy { $1 == 0 ? $0 == 0.5 : $0 == 0 || $0 == 1 })
      white += clipped.count { $0 == 1 }
      inside += draw.count { $0 != 0 }
    }
    let error = (0.25 / Double(inside)).squareRoot()
    #expect(abs(Double(white) / Double(inside) - 0.5) < 5 * error)
  }

  @Test("impulses are as many as the rate says, half of either kind; masks are, and leave the rest as it is")
  func impulses() throws {
    let shape: Shape = [1, 10, 10], count = 400, rate = 0.2, all = Double(count * shape.count)
    func share(_ found: [[Float]], _ isSuch: (Float) -> Bool) -> Double {
      Double(found.reduce(0) { sum, draw in sum + draw.count(where: isSuch) }) / all
    }
    func isClose(_ found: Double, _ wanted: Double) -> Bool {
      abs(found - wanted) < 5 * (wanted * (1 - wanted) / all).squareRoot()
    }
    let impulses = try draws("salt_and_pepper", shape, count, ["rate": .number(rate)])
    #expect(isClose(share(impulses) { $0 == 1 }, rate / 2) && isClose(share(impulses) { $0 == 0 }, rate / 2))
    // A value that stays is no number here.
    #expect(isClose(share(impulses) { $0.isNaN }, 1 - rate))
    let mask = try draws("pixel_mask", shape, count, ["rate": .number(rate)])
    let masked = share(mask) { $0 == 0 }, kept = share(mask) { $0 == 1 || $0.isNaN }
    #expect(isClose(masked, rate) && abs(masked + kept - 1) < 1e-12)
  }

  @Test("a fraction of the examples is noisy, and the others are as they were", arguments: [0.25, 0.5, 1])
  func fraction(_ fraction: Double) throws {
    let builder = GraphBuilder(), x = builder.input("x", [8])
    let graph = builder.finish(outputs: [("y", try builder.relu(x))])
    for noise in Catalog.noises.entries {
      var term = NoiseTerm(.input, noise.init(), sigma: noise.combination == .adds ? 0.1 : nil)
      term.fraction = Float(fraction)
      func noisyRows() throws -> Int {
        let rows = 500
        let plan = try Plan(
          graph, parameters: ParameterBuffers(graph), options: .init(rows: rows, path: .exact),
          noise: NoiseModel([term]))
        return (0..<4 as Range<UInt64>).reduce(0) { sum, pass in
          plan.input().update(repeating: 0.5)
          for row in 0..<rows { plan.seeds[row] = 1000 * pass + UInt64(row) }
          plan.forward()
          let output = Array(plan.output())
          return sum + (0..<rows).count { row in output[row * 8..<row * 8 + 8].contains { $0 != 0.5 } }
        }
      }
      let noisy = try noisyRows()
      term.fraction = nil
      let withoutIt = try noisyRows()
      // Some noises leave an example as it is by themselves.
      let expected = fraction * Double(withoutIt)
      #expect(abs(Double(noisy) - expected) <= 5 * (expected * (1 - fraction)).squareRoot() + 1e-9, "\(noise.name)")
    }
  }

  @Test("a fraction that is none, or at layers and gradients, is refused")
  func noFraction() {
    for (site, fraction) in [("input", "0"), ("input", "1.5"), ("weights", "0.5"), ("gradients", "0.5")] {
      let text = #"[{"site":"\#(site)","sigma":0.1,"fraction":\#(fraction)}]"#
      let error = #expect(throws: GraphError.self) {
        try NoiseModel(JSONDecoder().decode(Setting.self, from: Data(text.utf8)), at: "here")
      }
      #expect(error?.code == .noise, "\(site)")
    }
  }
}
