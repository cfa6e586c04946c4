/// A mistake that can be made on purpose, to see that the simulation finds it.
///
/// Each is a line in the engine, or in the ring in user space, that asks ``planted(_:)``. Only a package that is built with
/// SLUICE_PLANTED_FAULTS=1 in its environment contains them; in any other build the answer is the constant false.
package enum PlantedFault: String, CaseIterable, Sendable {
  // MARK: Receiving

  /// The kernel's answer to a cancelled receive counts as the end of the peer's stream.
  case takesCancelledForEnd
  /// A multishot receive that has ended (no F_MORE) counts as armed.
  case ignoresMore
  /// A receive that found no slot is armed again at once, instead of standing in line.
  case rearmsOnEmptyRing
  /// Each completion of an incremental slot is taken from the slot's start.
  case forgetsSlotOffset
  /// A reset is told as the end of the stream.
  case takesResetForEnd
  /// The end of the stream is told each time that it is met.
  case tellsEndTwice
  /// An end of the stream is believed although a send took the reset that caused it.
  case trustsEndAfterShortSend
  /// Reading does not pause at the bound of unread bytes.
  case ignoresCredit
  /// Bytes that come after their receive was cancelled are dropped.
  case dropsLateBytes
  /// A receive into memory of the user's own is over before the kernel has let go of that memory.
  case resumesWhileHeld
  /// Multishot receives are armed with POLL_FIRST, and the ring does what the kernel then does.
  case armsWithPollFirst

  // MARK: Sending

  /// A view is given back when it is queued, not when the kernel has sent it.
  case releasesAtSubmission
  /// What a short send has left is dropped.
  case forgetsShortSend
  /// What a cancelled send had sent is sent again.
  case forgetsProgressOfCancelledSend
  /// A send is submitted while another is in flight.
  case sendsTwice
  /// Views that were sent are never given back.
  case leaksSentView
  /// Who waits for room to send is not told that there is some.
  case forgetsDrained
  /// Queued bytes are moved out of their slots while the kernel sends them.
  case compactsInFlight
  /// The FIN goes out before what is queued.
  case endsOutputEarly
  /// The views of a zero-copy send are given back with its result, not with the notification.
  case releasesAtResult
  /// The notification of a zero-copy send gives nothing back.
  case keepsAfterNotification

  // MARK: Ends

  /// A descriptor is closed while the kernel holds operations on it.
  case closesBeforeLastCompletion
  /// Bytes are dropped, and the peer sees an orderly end.
  case dropsWithoutReset
  /// The notice of an end outlives the record's life.
  case keepsEndNotice
  /// A record's next life has the name of the last one.
  case keepsGeneration
  /// The end of a connection that waits for slots, or does not receive, goes unnoticed.
  case missesStarvedEnd
  /// Who waits for bytes when this side closes is told that the peer has ended.
  case tellsCloseAsEnd
  /// A handler's connection stays open when both directions are over.
  case staysHalfOpen
  /// What user code throws is told to nobody.
  case swallowsErrors

  // MARK: Timers

  /// Each close during a shortage of descriptors leaves one more retry timer.
  case leavesRetryTimer
  /// The timer of a connection outlives it.
  case leavesConnectionTimer
  /// The timer of `receive(timeout:)` outlives the call.
  case leavesReceiveTimer
  /// The timer of a connect outlives the attempt.
  case leavesConnectTimer
  /// After progress the flush deadline is not armed again.
  case forgetsFlushTimer
  /// A peer that does not end its side is waited for without limit.
  case forgetsLinger
  /// Progress that only the peer's acknowledgements show is not seen.
  case ignoresAcknowledgements
  /// After the process has stood still, timers are fired before what came meanwhile is looked at.
  case firesTimersFirst
  /// The time for which the process stood still counts as the peer's.
  case countsStandstill

  // MARK: Accepting and connecting

  /// Who was accepted beyond the limit is forgotten.
  case forgetsSurplus
  /// A multishot accept that has ended counts as armed.
  case ignoresAcceptEnd
  /// A descriptor that comes after its accept was cancelled is dropped.
  case dropsLateAccept
  /// The socket of a connect that has failed stays open.
  case leaksFailedConnect

  // MARK: Pressure

  /// Who holds its share is put on no list, so nobody looks at it again.
  case forgetsBlocked
  /// The tick that looks at those who wait runs once.
  case stopsTicking

  /// Nobody is given up for holding memory that others wait for.
  case sparesHolders

  // MARK: The ring

  /// A multishot completion comes without F_MORE, although the operation goes on.
  case ringDropsMore
  /// A short send is reported as a whole one.
  case ringReportsShortSendAsWhole
  /// A send that has to wait is reported as done, and goes on reading its memory.
  case ringCompletesSendEarly
  /// A cancel is said to have found its target, which goes on.
  case ringCancelsWithoutEnd
  /// A cancelled send that had sent something is reported as one that had not.
  case ringLosesProgress
  /// A completion names another buffer than was filled.
  case ringNamesWrongBuffer
  /// An incremental buffer is filled from its start each time.
  case ringFillsFromStart
  /// A report of readiness is forgotten when a receive comes back short.
  case ringLosesEdge

  #if SLUICE_PLANTED_FAULTS
    // Why unsafe is fine: one thread runs the simulation, and sets it between two runs.
    private nonisolated(unsafe) static var current: PlantedFault?

    /// Whether this build has them.
    package static var isAvailable: Bool { true }

    /// The one that is made from now on.
    package static func plant(_ fault: PlantedFault?) { unsafe current = fault }

    static func isPlanted(_ fault: PlantedFault) -> Bool { unsafe current == fault }
  #else
    /// Whether this build has them.
    package static var isAvailable: Bool { false }

    /// Does nothing in this build.
    package static func plant(_ fault: PlantedFault?) {}
  #endif
}

/// Whether to make this mistake.
@inline(__always)
func planted(_ fault: PlantedFault) -> Bool {
  #if SLUICE_PLANTED_FAULTS
    PlantedFault.isPlanted(fault)
  #else
    false
  #endif
}
