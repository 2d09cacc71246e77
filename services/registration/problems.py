"""Every refusal of this service: a stable code, a status, and what to do, in Indonesian and English. No text holds
personal data.

The wording of table faults of uploaded files is in `imports/problems.py`.
"""

from __future__ import annotations

from chassis.problems import FieldError, ProblemType
from contracts.events.erasure import ErasureObstacle

# --- the person -----------------------------------------------------------------------------------------------------

NIK_FORMAT = ProblemType(
    "nik_format",
    422,
    "NIK harus 16 angka. Salin persis seperti pada KTP elektronik.",
    "A NIK has 16 digits. Copy it exactly as on the identity card.",
)
NIK_PROVINCE = ProblemType(
    "nik_province",
    422,
    "Dua angka pertama NIK bukan kode provinsi. Periksa kembali NIK pada KTP elektronik.",
    "The first two digits of the NIK are no province code. Check the NIK on the identity card.",
)
NIK_DAY = ProblemType(
    "nik_day",
    422,
    "Angka ke-7 dan ke-8 NIK harus 01–31 atau 41–71. Periksa kembali NIK pada KTP elektronik.",
    "Digits 7 and 8 of a NIK are 01–31 or 41–71. Check the NIK on the identity card.",
)
NIK_MONTH = ProblemType(
    "nik_month",
    422,
    "Angka ke-9 dan ke-10 NIK harus 01–12. Periksa kembali NIK pada KTP elektronik.",
    "Digits 9 and 10 of a NIK are 01–12. Check the NIK on the identity card.",
)
NIK_SERIAL = ProblemType(
    "nik_serial",
    422,
    "Empat angka terakhir NIK tidak boleh 0000. Periksa kembali NIK pada KTP elektronik.",
    "The last four digits of a NIK are never 0000. Check the NIK on the identity card.",
)
BIRTH_DATE_FUTURE = ProblemType(
    "birth_date_future",
    422,
    "Tanggal lahir belum terjadi. Isi tanggal lahir seperti pada KTP elektronik.",
    "The date of birth lies in the future. Enter it as on the identity card.",
)
ENTRY_AGE_BELOW = ProblemType(
    "entry_age_below",
    422,
    "Calon peserta belum berusia {min} tahun. Daftarkan setelah ulang tahunnya yang ke-{min}.",
    "The person is under {min}. Register after the {min}th birthday.",
)
ENTRY_AGE_EXCEEDED = ProblemType(
    "entry_age_exceeded",
    422,
    "Usia sudah melewati {max} tahun sehingga tidak dapat mendaftar. Sampaikan kepada kantor cabang bila tanggal "
    "lahir keliru.",
    "The person is past the age of {max} and cannot enter. Tell the branch office if the date of birth is wrong.",
)
PHONE_FORMAT = ProblemType(
    "phone_format",
    422,
    "Nomor telepon tidak dikenali. Tulis nomor seluler sebagai 08… atau +62….",
    "The phone number is not recognised. Write a mobile number as 08… or +62….",
)
PHONE_FOREIGN = ProblemType(
    "phone_foreign",
    422,
    "Nomor luar negeri tidak dapat dipakai. Isi nomor seluler Indonesia (08… atau +62…).",
    "A foreign number cannot be used. Give an Indonesian mobile number (08… or +62…).",
)
PHONE_NOT_MOBILE = ProblemType(
    "phone_not_mobile",
    422,
    "Nomor ini bukan nomor seluler. Isi nomor yang dapat menerima SMS atau WhatsApp.",
    "This is no mobile number. Give a number that receives SMS or WhatsApp.",
)
INCOME_NOT_POSITIVE = ProblemType(
    "income_not_positive",
    422,
    "Penghasilan per bulan harus lebih dari 0. Isi penghasilan dari pekerjaan utama.",
    "The monthly income must be above 0. Enter what the main occupation earns.",
)
PROGRAMMES_BUNDLE = ProblemType(
    "programmes_bundle",
    422,
    "JKK dan JKM wajib bersama, masing-masing satu kali; JHT boleh ditambahkan. Lengkapi daftar program.",
    "JKK and JKM are one mandatory bundle, each named once; JHT may be added. Complete the list of programmes.",
)
JHT_COMPULSORY = ProblemType(
    "jht_compulsory",
    422,
    "Peserta yang mempekerjakan orang lain wajib ikut JHT. Tambahkan JHT ke daftar program.",
    "Who employs others must take JHT. Add JHT to the programmes.",
)
CONSENT_MISSING = ProblemType(
    "consent_missing",
    422,
    "Persetujuan pemrosesan data pribadi belum diberikan. Bacakan teksnya, mintakan persetujuan, lalu kirim lagi.",
    "Consent to the processing of personal data is missing. Read out the text, ask for consent and send again.",
)
NIK_REGISTERED = ProblemType(
    "nik_registered",
    409,
    "NIK ini sudah terdaftar. Peserta dapat membayar dengan kode iuran yang sudah diterimanya; bila hilang, hubungi "
    "kantor cabang.",
    "This NIK is registered already. The person can pay with the contribution code received; if lost, ask the "
    "branch office.",
)
REACTIVATION_OFFERED = ProblemType(
    "reactivation_offered",
    409,
    "NIK ini pernah menjadi peserta. Aktifkan kembali dengan membayar iuran memakai kode iuran lama; pendaftaran "
    "baru tidak diperlukan.",
    "This NIK was a participant before. Reactivate by paying under the old contribution code; no new registration "
    "is needed.",
)
REGISTRATION_NOT_POSSIBLE = ProblemType(
    "registration_not_possible",
    409,
    "NIK ini tidak dapat didaftarkan. Bawa KTP elektronik dan kartu keluarga ke kantor cabang.",
    "This NIK cannot be registered. Bring the identity card and the family card to the branch office.",
)
PARTICIPANT_UNKNOWN = ProblemType(
    "participant_unknown",
    422,
    "Peserta dengan nomor itu tidak ditemukan. Periksa kembali participant_id.",
    "No participant has that id. Check participant_id.",
)
CLOSURE_DATE = ProblemType(
    "closure_date",
    422,
    "Tanggal meninggal harus sesudah pendaftaran dan tidak di masa depan. Periksa akta kematian.",
    "The day of death lies after the registration and not in the future. Check the death certificate.",
)
CLOSURE_STEP = ProblemType(
    "closure_step",
    409,
    "Kepesertaan berstatus {standing} tidak dapat ditutup. Periksa kembali nomor peserta.",
    "A participation that is {standing} cannot be closed. Check the participant.",
)

EXPORT_NOT_ASKED = ProblemType(
    "export_not_asked",
    409,
    "Tidak ada permintaan salinan data yang terbuka untuk peserta ini. Catat permintaannya dahulu.",
    "No request for a copy is open for this participant. Record the request first.",
)

ERASURE_REFUSED = ProblemType(
    "erasure_refused",
    409,
    "Data peserta ini belum boleh dihapus. Selesaikan setiap hal pada daftar errors, lalu ajukan lagi.",
    "This person's data may not be erased yet. Settle each matter listed in errors, then ask again.",
)
COPY_OWED = ProblemType(
    "copy_owed",
    409,
    "Salinan data yang diminta belum diserahkan. Serahkan dan catat dahulu; sesudah penghapusan tidak ada lagi yang dapat disalin.",
    "A copy that the person asked for is still owed. Give it and note that first: after an erasure there is nothing to copy.",
)
ERASURE_OBSTACLES = {
    ErasureObstacle.REGISTRATION_OPEN: ProblemType(
        "registration_open",
        409,
        "Pendaftaran belum dibayar dan masih dapat dibayar. Tunggu sampai kedaluwarsa.",
        "The registration is unpaid and can still be paid. Wait until it has expired.",
    ),
    ErasureObstacle.PROTECTED: ProblemType(
        "protected",
        409,
        "Kepesertaan masih aktif atau dalam masa tenggang. Tunggu sampai kepesertaan berakhir.",
        "The participation is active or in grace. Wait until it has ended.",
    ),
    ErasureObstacle.RETENTION: ProblemType(
        "retention",
        409,
        "Data kepesertaan wajib disimpan sampai {retained_until}. Ajukan lagi pada atau sesudah tanggal itu.",
        "The law has the data of this participation kept until {retained_until}. Ask again on or after that day.",
    ),
    ErasureObstacle.AGENT_IN_OFFICE: ProblemType(
        "agent_in_office",
        409,
        "Peserta masih tercatat sebagai agen. Proses pengeluarannya dahulu.",
        "The person is an agent. Have the agent's departure decided first.",
    ),
    ErasureObstacle.OPEN_BILL: ProblemType(
        "open_bill",
        409,
        "Masih ada tagihan yang terbuka. Batalkan tagihan itu atau tunggu sampai berakhir.",
        "A bill is open. Cancel it or wait until it has ended.",
    ),
    ErasureObstacle.UNRETURNED_MONEY: ProblemType(
        "unreturned_money",
        409,
        "Masih ada uang peserta yang belum dikembalikan atau dibukukan. Selesaikan pengembaliannya dahulu.",
        "Money of the person is neither given back nor booked. Settle it first.",
    ),
    ErasureObstacle.CASH_IN_HAND: ProblemType(
        "cash_in_hand",
        409,
        "Agen masih memegang uang tunai peserta. Catat pembayaran atau pengembaliannya dahulu.",
        "An agent still holds cash of the person. Record its payment or its return first.",
    ),
    ErasureObstacle.AGENT_BALANCE: ProblemType(
        "agent_balance",
        409,
        "Saldo agen peserta ini belum dikembalikan. Tarik saldonya dahulu.",
        "The balance of this former agent is not given back. Withdraw it first.",
    ),
    ErasureObstacle.PROPOSAL_PENDING: ProblemType(
        "proposal_pending",
        409,
        "Masih ada usulan tentang uang peserta yang menunggu keputusan. Putuskan usulan itu dahulu.",
        "A proposal about the person's money waits for a decision. Decide it first.",
    ),
    ErasureObstacle.OPEN_CLAIM: ProblemType(
        "open_claim",
        409,
        "Masih ada klaim yang belum selesai. Selesaikan klaim itu dahulu.",
        "A claim is open. Finish it first.",
    ),
}

# --- who registers --------------------------------------------------------------------------------------------------

CORRECTION_STEP = ProblemType(
    "correction_step",
    409,
    "Kepesertaan berstatus {status} tidak dapat dikoreksi lagi. Daftarkan kembali atau hubungi kantor cabang.",
    "A participation that is {status} cannot be corrected any more. Register again or ask the branch office.",
)
AGENT_UNKNOWN = ProblemType(
    "agent_unknown",
    422,
    "Agen itu tidak ada dalam lingkup Anda. Periksa kode agen.",
    "There is no such agent within your scope. Check the agent code.",
)
AGENT_REQUIRED = ProblemType(
    "agent_required",
    422,
    "Sebutkan agen Wadah Anda pada kolom agent_code.",
    "Name an agent of your Wadah in column agent_code.",
)
AGENT_NOT_ACTIVE = ProblemType(
    "agent_not_active",
    422,
    "Agen belum atau tidak lagi aktif. Mintalah kantor cabang mengaktifkannya sebelum mendaftarkan peserta.",
    "The agent is not active. Ask the branch office to activate the agent before registering people.",
)
AGENT_OF_OTHER_WADAH = ProblemType(
    "agent_of_other_wadah",
    422,
    "Agen tercatat pada Wadah lain. Masuk lagi agar token memuat Wadah yang benar.",
    "The agent belongs to another Wadah. Sign in again so that the token names the right one.",
)
AGENT_PARTICIPATION_ENDED = ProblemType(
    "agent_participation_ended",
    422,
    "Kepesertaan agen sendiri sudah berakhir. Aktifkan kembali dengan membayar iurannya, lalu daftarkan peserta.",
    "The agent's own participation has ended. Reactivate it by paying, then register people.",
)
AGREEMENT_NOT_IN_FORCE = ProblemType(
    "agreement_not_in_force",
    422,
    "Perjanjian kerja sama (PKS) Wadah tidak berlaku pada tanggal ini. Hubungi kantor cabang untuk memperbaruinya.",
    "The Wadah's agreement (PKS) is not in force on this date. Ask the branch office to renew it.",
)
BRANCH_REQUIRED = ProblemType(
    "branch_required",
    422,
    "Pilih kantor cabang (branch_id) tempat Anda mendaftar.",
    "Choose the branch (branch_id) you register with.",
)
BRANCH_NOT_ACCEPTED = ProblemType(
    "branch_not_accepted",
    422,
    "Jangan mengisi branch_id: kantor cabang diambil dari akun Anda.",
    "Leave branch_id out: the branch is taken from your account.",
)
BRANCH_UNKNOWN = ProblemType(
    "branch_unknown",
    422,
    "Kantor cabang itu tidak ada. Pilih dari daftar kantor cabang.",
    "There is no such branch. Choose one from the list of branches.",
)
OUTREACH_UNKNOWN = ProblemType(
    "outreach_unknown",
    422,
    "Sosialisasi itu tidak ada pada kantor cabang dan Wadah Anda. Periksa outreach_id atau kosongkan.",
    "Your branch and Wadah have no such outreach session. Check outreach_id or leave it out.",
)
OUTREACH_CANCELLED = ProblemType(
    "outreach_cancelled",
    422,
    "Sosialisasi itu dibatalkan. Kosongkan outreach_id.",
    "That outreach session was cancelled. Leave outreach_id out.",
)
OUTREACH_NOT_STARTED = ProblemType(
    "outreach_not_started",
    422,
    "Sosialisasi itu belum dimulai. Kosongkan outreach_id atau tunggu harinya.",
    "That outreach session has not begun. Leave outreach_id out or wait for its day.",
)
OUTREACH_TOO_OLD = ProblemType(
    "outreach_too_old",
    422,
    "Sosialisasi itu sudah lewat lebih dari {days} hari. Kosongkan outreach_id.",
    "That outreach session was more than {days} days ago. Leave outreach_id out.",
)

# --- branches, Wadah, agents, outreach ------------------------------------------------------------------------------

BRANCH_CODE_TAKEN = ProblemType(
    "branch_code_taken",
    409,
    "Kode kantor cabang sudah dipakai. Pakai kode lain.",
    "This branch code is in use. Choose another.",
)
TIME_ZONE_UNKNOWN = ProblemType(
    "time_zone_unknown",
    422,
    "Zona waktu harus Asia/Jakarta, Asia/Makassar atau Asia/Jayapura.",
    "The time zone is Asia/Jakarta, Asia/Makassar or Asia/Jayapura.",
)
AGREEMENT_DATES = ProblemType(
    "agreement_dates",
    422,
    "Akhir PKS harus tidak sebelum awalnya. Perbaiki term_from atau term_to.",
    "The agreement ends before it begins. Correct term_from or term_to.",
)
AGREEMENT_TOO_LONG = ProblemType(
    "agreement_too_long",
    422,
    "PKS dengan skema ini berlaku paling lama {years} tahun. Perpendek masa berlakunya.",
    "An agreement of this scheme lasts at most {years} years. Shorten its term.",
)
AGREEMENT_NUMBER_TAKEN = ProblemType(
    "agreement_number_taken",
    409,
    "Nomor PKS ini sudah tercatat pada kantor cabang Anda. Periksa nomornya.",
    "Your branch has an agreement of this number already. Check the number.",
)
AGREEMENT_OVERLAPS = ProblemType(
    "agreement_overlaps",
    409,
    "PKS sebelumnya ({number}) berlaku sampai dengan {last_day}. Mulai PKS berikutnya (term_from) setelah tanggal itu, "
    "atau akhiri dahulu PKS itu.",
    "The agreement before ({number}) is in force through {last_day}. Begin the next one (term_from) after that day, or "
    "end that one first.",
)
WADAH_ENDED = ProblemType(
    "wadah_ended",
    409,
    "PKS Wadah ini sudah diakhiri. Tidak ada yang perlu dilakukan.",
    "This Wadah's agreement was ended already. Nothing is left to do.",
)
WADAH_END_DATE = ProblemType(
    "wadah_end_date",
    422,
    "Tanggal akhir harus dalam masa berlaku PKS yang berjalan atau yang berikutnya. Perbaiki ended_on.",
    "The end lies within the term of the agreement that runs or of the next one. Correct ended_on.",
)
ALREADY_AGENT = ProblemType(
    "already_agent",
    409,
    "Peserta ini sudah menjadi agen. Gunakan data agen yang ada.",
    "This participant is an agent already. Use the existing agent.",
)
AGENT_STEP = ProblemType(
    "agent_step",
    409,
    "Agen berstatus {status}; langkah ini memerlukan status {expected}. Selesaikan langkah sebelumnya dahulu.",
    "The agent is {status}; this step needs {expected}. Take the steps before it first.",
)
CERTIFICATE_DATE = ProblemType(
    "certificate_date",
    422,
    "Tanggal sertifikat belum terjadi. Isi tanggal pada sertifikat pelatihan.",
    "The certificate's date lies in the future. Enter the date on the training certificate.",
)
CHECKER_IS_MAKER = ProblemType(
    "checker_is_maker",
    422,
    "Orang yang mencatat sertifikat tidak boleh mengaktifkan agen yang sama. Mintalah kepala cabang lain.",
    "Who recorded the certificate may not activate the same agent. Ask another person.",
)
AGENT_RETURN_TOO_EARLY = ProblemType(
    "agent_return_too_early",
    409,
    "Agen yang dikeluarkan dapat kembali paling cepat {months} bulan kemudian. Ajukan lagi setelah itu.",
    "A dropped agent may come back after {months} months at the earliest. Ask again then.",
)
NO_DEPARTURE = ProblemType(
    "no_departure_proposed",
    409,
    "Tidak ada usulan pengeluaran agen ini yang menunggu keputusan. Muat ulang datanya.",
    "No departure of this agent waits for a decision. Reload the agent.",
)
SAME_PERSON = ProblemType(
    "same_person",
    409,
    "Yang memutuskan harus orang lain daripada yang mengusulkan. Mintalah kepala cabang lain.",
    "Whoever decides must be another person than the one who proposed it. Ask another branch head.",
)
REASSIGNMENT_DECIDED = ProblemType(
    "reassignment_decided",
    409,
    "Usulan alih binaan ini sudah diputuskan. Muat ulang daftarnya.",
    "This reassignment was decided already. Reload the list.",
)
NOT_A_MANAGER = ProblemType(
    "not_a_manager",
    422,
    "Agen tujuan tidak ada atau tidak aktif di cabang ini. Pilih agen lain, atau kosongkan agent_id untuk cabang.",
    "There is no such active agent in this branch. Choose another one, or leave agent_id out for the branch.",
)
AGENT_UNDER_AGE = ProblemType(
    "agent_under_age",
    422,
    "Agen harus berusia paling sedikit {min} tahun. Aktifkan setelah ulang tahunnya.",
    "An agent is at least {min} years old. Activate after the birthday.",
)
AGENT_PARTICIPATION_NOT_ACTIVE = ProblemType(
    "agent_participation_not_active",
    422,
    "Kepesertaan BPU agen sendiri harus ACTIVE. Bayar iurannya dahulu.",
    "The agent's own BPU participation must be ACTIVE. Pay its contribution first.",
)
WADAH_UNKNOWN = ProblemType(
    "wadah_unknown",
    422,
    "Wadah itu tidak ada dalam lingkup Anda. Periksa wadah_id.",
    "There is no such Wadah within your scope. Check wadah_id.",
)
OUTREACH_TIMES = ProblemType(
    "outreach_times",
    422,
    "Sosialisasi harus berakhir sesudah dimulai dan berlangsung paling lama {hours} jam. Perbaiki waktunya.",
    "A session ends after it begins and lasts at most {hours} hours. Correct its times.",
)
OUTREACH_AGENTS = ProblemType(
    "outreach_agents",
    422,
    "Semua agen sosialisasi harus dari Wadah ini, dan paling sedikit satu harus ACTIVE. Perbaiki daftar agen.",
    "All agents of a session belong to its Wadah and at least one is ACTIVE. Correct the list of agents.",
)
OUTREACH_STEP = ProblemType(
    "outreach_step",
    409,
    "Sosialisasi berstatus {status}; langkah ini memerlukan {expected}. Muat ulang datanya.",
    "The session is {status}; this step needs {expected}. Load it again.",
)
OUTREACH_OFFICERS = ProblemType(
    "outreach_officers",
    422,
    "Sebutkan paling sedikit satu petugas kantor cabang yang hadir.",
    "Name at least one officer of the branch who takes part.",
)
OUTREACH_EARLY = ProblemType(
    "outreach_early",
    422,
    "Sosialisasi belum dimulai sehingga belum dapat dicatat terlaksana. Catat setelah berlangsung.",
    "The session has not begun and cannot be recorded as held. Record it once it took place.",
)


def field_error(problem: ProblemType, field: str, **values: str) -> FieldError:
    """One violated rule as an entry of the list that names every bad field."""
    return FieldError(field, problem.code, problem.id.format_map(values), problem.en.format_map(values))
