import DitherTrain
import Testing

/// Against the published algorithm, by hand and by its properties.
@Suite("Promotions of asynchronous halving")
struct PromotionTests {
  typealias Job = Promotions.Job

  /// Ends what is begun at once, with these losses by point: one worker.
  private func alone(_ losses: [Double], rungs: Int, factor: Int) -> [Job] {
    var all = Promotions(points: losses.count, rungs: rungs, factor: factor)
    while let job = all.next() {
      all.begin(job)
      all.put(job, loss: losses[job.point])
    }
    return all.begun
  }

  @Test("a point goes on as soon as it is among the best of its rung, the highest rung first")
  func byHand() {
    // The best of each third; 9 points, 3 rungs: written out by the algorithm's get_job.
    let found = alone([5, 3, 4, 1, 9, 8, 2, 7, 6], rungs: 3, factor: 3)
    #expect(
      found == [
        Job(point: 0, rung: 0), Job(point: 1, rung: 0), Job(point: 2, rung: 0), Job(point: 1, rung: 1),
        Job(point: 3, rung: 0), Job(point: 3, rung: 1), Job(point: 4, rung: 0), Job(point: 5, rung: 0),
        Job(point: 6, rung: 0), Job(point: 6, rung: 1), Job(point: 3, rung: 2), Job(point: 7, rung: 0),
        Job(point: 8, rung: 0),
      ])
  }

  @Test("where no rung is full enough at the end, the best goes on until one is trained whole")
  func few() {
    #expect(alone([2, 1], rungs: 3, factor: 3).suffix(2) == [Job(point: 1, rung: 1), Job(point: 1, rung: 2)])
    #expect(alone([1], rungs: 2, factor: 2) == [Job(point: 0, rung: 0), Job(point: 0, rung: 1)])
    #expect(alone([.infinity, .infinity], rungs: 2, factor: 2).count == 2, "nothing that diverged goes on")
    #expect(alone([3, 1, 2], rungs: 1, factor: 2).count == 3)
  }

  @Test("workers do not wait for a round; a promotion is of the best of those that have ended", arguments: [1, 2, 5])
  func workers(_ workers: Int) {
    let losses = (0..<40).map { Double(($0 * 17) % 41) }
    var all = Promotions(points: 40, rungs: 4, factor: 3), running: [Job] = [], ended: [[Int]] = [[], [], [], []]
    var step = 0
    while true {
      while running.count < workers, let job = all.next() {
        if job.rung > 0 {
          let below = ended[job.rung - 1], place = below.count { losses[$0] < losses[job.point] }
          #expect(below.contains(job.point) && (place < below.count / 3 || all.running == 0))
        }
        all.begin(job)
        running.append(job)
      }
      guard !running.isEmpty else { break }
      // Some that began later end earlier.
      step += 1
      let job = running.remove(at: (step * 7) % running.count)
      ended[job.rung].append(job.point)
      all.put(job, loss: losses[job.point])
    }
    #expect(Set(all.begun).count == all.begun.count && all.running == 0)
    #expect(ended[0].count == 40 && ended[1].count >= 13 && ended[2].count >= 4 && !ended[3].isEmpty)
    // Late arrivals let a few more on than rounds would.
    #expect(ended[1].count <= 20 && ended[3].contains(0), "\(ended.map(\.count))")
  }
}
