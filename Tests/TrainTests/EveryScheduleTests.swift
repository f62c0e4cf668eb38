import DitherBasics
import DitherGraph
import DitherTrain
import Foundation
import Testing

/// What holds of every schedule of the catalog, with its defaults and with parameters of its own.
@Suite("Every schedule")
struct EveryScheduleTests {
  /// With its defaults, and with each of its numbers at others that are shares, or factors of a shape.
  private static func variants(_ kind: any Schedule.Type) throws -> [any Schedule] {
    let numbers = try Parameters.settings(of: kind.init()).filter { $0.value.asNumber != nil }.keys.sorted()
    let lists =
      numbers.flatMap { key in [0.05, 0.5, 0.95].map { [key: Setting.number($0)] } }
      + [0.1, 0.3].map { value in Dictionary(uniqueKeysWithValues: numbers.map { ($0, .number(value)) }) }
    return try [kind.init()]
      + lists.map { parameters in
        try Catalog.schedules.value(.mapping(parameters.merging(["kind": .text(kind.name)]) { $1 }), at: "schedule") {
          $0.init()
        }
      }
  }

  private static func warmup(_ schedule: any Schedule) throws -> Double {
    try Parameters.settings(of: schedule)["warmup"]?.asNumber ?? 0
  }

  @Test("finite and from 0 to 1, at both ends too", arguments: Catalog.schedules.entries)
  func bounds(_ kind: any Schedule.Type) throws {
    for schedule in try Self.variants(kind) {
      for step in 0...1000 {
        let factor = schedule.factor(at: Double(step) / 1000)
        #expect((0...1).contains(factor), "\(schedule) at \(step)")
      }
    }
  }

  /// Schedules that jump or fall steeply, and that rise again, by their purpose.
  private static let jumping = ["steps", "reheats", "cyclical", "inverse"], rising = ["reheats", "cyclical"]

  @Test(
    "no jumps: a small step changes little, except by a root at its end",
    arguments: Catalog.schedules.entries.filter { !jumping.contains($0.name) })
  func continuity(_ kind: any Schedule.Type) throws {
    for schedule in try Self.variants(kind) {
      for step in 0..<10_000 {
        let change = abs(schedule.factor(at: Double(step + 1) / 10_000) - schedule.factor(at: Double(step) / 10_000))
        #expect(change <= 0.011 || step > 9900, "\(schedule) at \(step): \(change)")
      }
      // The ends are what is near them.
      for (end, near) in [(0.0, 1e-12), (1, 1 - 1e-12)] {
        #expect(abs(schedule.factor(at: end) - schedule.factor(at: near)) < 0.3, "\(schedule) at \(end)")
      }
    }
  }

  @Test(
    "rises through its warm-up and never again",
    arguments: Catalog.schedules.entries.filter { !rising.contains($0.name) })
  func monotone(_ kind: any Schedule.Type) throws {
    for schedule in try Self.variants(kind) {
      let warmup = try Self.warmup(schedule)
      for step in 0..<1000 {
        let at = Double(step) / 1000, next = Double(step + 1) / 1000
        let change = schedule.factor(at: next) - schedule.factor(at: at)
        if next <= warmup { #expect(change > 0) } else if at >= warmup { #expect(change <= 1e-12) }
      }
    }
  }

  @Test("ends at its final share, and is whole behind its warm-up", arguments: Catalog.schedules.entries)
  func ends(_ kind: any Schedule.Type) throws {
    for schedule in try Self.variants(kind) {
      let parameters = try Parameters.settings(of: schedule)
      if let final = parameters["final"]?.asNumber { #expect(abs(schedule.factor(at: 1) - final) < 1e-12) }
      let whole = parameters["start"]?.asNumber ?? 1
      #expect(abs(schedule.factor(at: try Self.warmup(schedule)) - whole) < 1e-12)
    }
  }

  /// Factors at 0, 0.1, 0.25, 0.5, 0.75 and 1, worked out by hand from the definitions.
  private static let expected: [(text: String, factors: [Double])] = [
    ("kind: linear", [1, 0.9, 0.75, 0.5, 0.25, 0]), ("kind: linear, start: 0, final: 2", [0, 0.2, 0.5, 1, 1.5, 2]),
    ("kind: exponential, final: 0.0001", [1, 0.398_107, 0.1, 0.01, 0.001, 0.0001]),
    ("kind: exponential, warmup: 0.5, final: 0.01", [0, 0.2, 0.5, 1, 0.1, 0.01]),
    ("kind: steps", [1, 1, 1, 0.1, 0.01, 0.01]),
    ("kind: steps, warmup: 0.5, milestones: [0.5], gamma: 0.2", [0, 0.2, 0.5, 1, 0.2, 0.2]),
    ("kind: warmup, warmup: 0.25", [0, 0.4, 1, 1, 1, 1]),
    ("kind: one_cycle, warmup: 0.5, initial: 0.2, final: 0", [0.2, 0.276_393, 0.6, 1, 0.5, 0]),
    ("kind: triangle, warmup: 0.5, initial: 0.2, final: 0.1", [0.2, 0.36, 0.6, 1, 0.55, 0.1]),
    ("kind: reheats", [1, 0.301_709, 0.5, 0.25, 0.125, 0.006_25]),
    ("kind: reheats, period: 1, cooled: 0.01", [1, 0.630_957, 0.316_228, 0.1, 0.031_623, 0.01]),
    ("kind: cyclical", [1, 0.654_508, 1, 1, 1, 0]), ("kind: cyclical, cycles: 2", [1, 0.904_508, 0.5, 1, 0.5, 0]),
    ("kind: inverse, span: 99, power: 0.5", [1, 0.302_891, 0.197_066, 0.140_720, 0.115_278, 0.1]),
    ("kind: annealed, power: 2, final: 0.5", [1, 0.905, 0.781_25, 0.625, 0.531_25, 0.5]),
  ]

  @Test("are what their definitions say", arguments: expected)
  func definitions(_ text: String, _ factors: [Double]) throws {
    let recipe = try Recipe(yaml: "name: x\ndata: mnist\nschedule: {\(text)}")
    for (progress, factor) in zip([0, 0.1, 0.25, 0.5, 0.75, 1], factors) {
      #expect(abs(recipe.schedule.factor(at: progress) - factor) < 1e-6, "\(text) at \(progress)")
    }
  }

  @Test(
    "nonsense is refused with the key",
    arguments: [
      ("kind: steps, milestones: [0.5, 2]", "'milestones'"), ("kind: steps, gamma: 3", "'gamma'"),
      ("kind: exponential, final: 0", "'final'"), ("kind: reheats, period: 0", "'period'"),
      ("kind: reheats, decay: -1", "'decay'"), ("kind: one_cycle, initial: 2", "'initial'"),
      ("kind: triangle, final: 2", "'final'"),
      ("kind: warmup, warmup: 2", "'warmup'"), ("kind: linear, start: -1", "'start'"),
      ("kind: cyclical, cycles: 0", "'cycles'"), ("kind: inverse, power: -1", "'power'"),
    ])
  func nonsense(_ text: String, _ key: String) {
    #expect {
      _ = try Recipe(yaml: "name: x\ndata: mnist\nschedule: {\(text)}")
    } throws: { "\($0)".contains(key) }
  }

  @Test("a name and a key that are not known are refused with the nearest", arguments: Catalog.schedules.entries)
  func refused(_ kind: any Schedule.Type) {
    #expect(throws: CatalogError.self) {
      try Catalog.schedules.value(.mapping(["kind": .text(kind.name), "fnal": .number(0)]), at: "s") { $0.init() }
    }
    #expect(throws: CatalogError.self) { try Catalog.schedules.value(.text(kind.name + "x"), at: "s") { $0.init() } }
  }
}
