// SPDX-License-Identifier: ISC
/*
 * An identifier never changes.  units/catalog/ explains each of them to the operator.
 */
#include "base/event.h"

#include <stddef.h>
#include <string.h>

/* Without pointers, which a program at a random address would have to relocate at each start. */
struct event {
	char text[48];
	char id[EVENT_ID_LEN + 1];
};

static const struct event events[] = {
	{ "accepted", "fc6a96ae7b1e5b00ba7da9c7474e2727" },
	{ "refused", "2e6ee4835f785637b77c93fd4f97fae8" },
	{ "session", "e86f29c8beb45622a928c1c886aa781d" },
	{ "listening", "d009b1afced855c18c2d5ec3d508ca19" },
	{ "limited", "60907ad9f11c51d3ab26139fe30385fc" },
	{ "shared-limits", "b2c7f0d94f1a4e5e8d2f6a35c9e1470b" },
	{ "tls-failed", "6e49271c0ba552bbbb39c6c788daa019" },
	{ "downgraded", "069770731fe9596e8199b4ece5c318dc" },
	{ "delivered", "b40d5b5786ca5af8a6d19e9fd4612f2a" },
	{ "expanded", "f243b0d05316528bb4ad4f209939a324" },
	{ "deferred", "b269c1e752c7591c9dd4f381031c0a00" },
	{ "failed", "96eb732abfe1534fbb7f12ff63a12050" },
	{ "finished", "f0395b5ed63c5ff78e68d0ec4862df12" },
	{ "waiting", "de8a02c180e25312b4b4008e3c537222" },
	{ "dead", "4def13a3649351e58b591284f920d978" },
	{ "held", "aad8a9f5de0552c1a2396c1a699066ff" },
	{ "released", "82b0a0ead8055c57b5b468eaaf6d3125" },
	{ "due", "d09f75beb51d5d72b9e8bd9a1576ecf4" },
	{ "deleted", "06a175b7621c59699706ee9f0a6b98c9" },
	{ "given-up", "948cfdd360e955eeaa3acb212682c1d6" },
	{ "stuck", "52c1dca1c2e458b8a20fc78cc9b81d04" },
	{ "bounced", "07c1eae299195b2ba9011faf3182ea4f" },
	{ "warned", "9aa21af9991e5d8ab28a769fff832662" },
	{ "confirmed", "b568c966d1115264a3aebce00c4ab15f" },
	{ "frozen", "2ab2d629b6985e18a73ba8e200dec800" },
	{ "thawed", "4f6e7403fed258699754b5bf07e4e104" },
	{ "moved", "2c1538290f185d71b392add0bf11eed0" },
	{ "tls-lost", "5c1f0a7d3be24c7f9b6d8e2a41c7f036" },
	{ "trouble", "69f67b48700b50068e1934de8d769583" },
	{ "discarded", "1d86b751868c43d886974c83037f5d67" },
	{ "verified", "9b0f7e0c2d5e4a55a5a3d2c0b6d1f7c4" },
};

/* Beginnings of formats: the first one that fits counts. */
static const struct event sentences[] = {
	{ "%.*s", "7ebafc89625d548cbd557326ff15b215" },
	{ "%s:%u: ", "a335c410924657229a34765afa816c9b" },
	{ "deliveries are made without Landlock", "cc6d58411aa5587193c6d1ab59bc8511" },
	{ "no limits are shared with other machines", "7d0a6ad8c5cf4b6e9c3d1f0b52e8a794" },
	{ "cannot confine itself: no Landlock", "b4c4f0e869124c9d8f383bc45cfede94" },
	{ "cannot count the mail of a user", "c709fd3c570c4cbf877da9211295f852" },
	{ "new certificates are not used", "aa58b80dbcc941829ffea8211a7d2d5b" },
	{ "cannot use the queue", "c12cf85b3eea536fb73548163f63d566" },
	{ "another smtp-relay is running", "f1fed38fb178579d81e3bd3d4893a098" },
	{ "cannot lock", "527ce15b65d85c5ea90c2bdaadf5302e" },
	{ "usage: ", "0872a8093ff84b829bd12e921fe50e5d" },
	{ "standard output: ", "842d6da7718f4858be9669ee715bb1a8" },
	{ "--fenced goes with", "f3ec668c21ab466ba8c8e695a4e2f91b" },
	{ "--adopt", "e497b6a8c96a48f78ff38ad83673ed0f" },
	{ "only queues with a lease", "389213a2b83f4033bffbade8c70e0862" },
	{ "cannot release the lease", "d06a85dfde8445c88854ab85ba44453f" },
	{ "cannot take the lease", "5230b675b4fd4b2489dcafea63520f5d" },
	{ "the queue %s", "07d5d070a5944aa3acb7a9dd326d0015" },
	{ "cannot watch the queue", "b6c5dfe4abad5b78ba7b1b4c3dde5328" },
	{ "cannot set up the event loop", "c6fb0d471e675d8fac6bae40edbfdea4" },
	{ "brought back", "27a7231dba2a5a2cbe91ec15c6e2eaab" },
	{ "deferred mail is due now", "05b911600b5f59948033acd125f24fd3" },
	{ "cannot watch a delivery process", "106682eab6115d7d89b66c0a2ffb5306" },
	{ "DNSSEC does not work", "ca0c1f66a3ef5c0d9f2ab5b0b8fb25d3" },
	{ "DNSSEC works again", "1f6c1bd26d1a56a6b9d14e5a4e3c7a90" },
	{ "%u deliveries did not end in time", "80e4c9061bde5cadbfab130daf4e0588" },
	{ "session %d floods its listener", "5eacde040c3c597a8162c423a89bcf85" },
	{ "session %d gives away what is not its client", "02bdfc7522894f768240d26d49cf0cd1" },
	{ "smtp-handler-tls of this listener has ended", "65d14bc506f1462b920c0bad37540357" },
	{ "sandbox without Landlock", "87034032f66c5ecf8f0bd13285702d74" },
	{ "sandbox without seccomp", "d81d6c60f83253bfb4a5ac79f98a5bf9" },
	{ "%zu sessions have not ended yet", "60914f2918ef55e39e779b13b04af46a" },
	{ "cannot listen on", "dc2dea16f904587f92a41dc026ce9a83" },
	{ "LISTEN_FDS", "57c6f56afeb75e20ab20136495970510" },
	{ "--listen %s", "f6237ce2389c5fa4a1f062d0eb5fa235" },
	{ "the configuration has errors and is not used", "4bf43430bb16517f93fb00e231e97fd2" },
	{ "configuration read again", "f25439d8cd0d534e943afa75f983d855" },
	{ "cannot prepare for sessions", "3e9765546783549e9e4430d1e7525963" },
	{ "eventfd", "9c2e2192ec265b5892904e58b92a0cd8" },
	{ "%zu connections, one more refused", "10739992d1895da1a51e449c7f1e8917" },
	{ "cannot accept a connection", "402c1c4244e250009df7fb747f61524e" },
	{ "a session was killed", "cc253628373455598d0b00bafbacef47" },
	{ "queue %s", "63a6e14331f05243a02dcd5e13fb4de5" },
	{ "STARTTLS is not offered", "f73770974f8c51a19ddbbbbf63245771" },
	{ "STARTTLS is new in the configuration", "16b8444da4024c7c85e9c0930b39d065" },
	{ "[shared] has changed in the configuration", "8a6af1d0acbc44e49871c262ecbe89dd" },
	{ "STARTTLS", "720f4b7fe4ee567b87c2c1c206394194" },
	{ "no TLS", "cb20d94ab912533aaf5f3c7f15e51654" },
	{ "the list of senders", "dd38c7d0ca195b229660200dc0ce75e5" },
	{ "AUTH does not work", "6dadd353adba58b6bbf0f94512728fd3" },
	{ "more than %d addresses", "425dc773654e53548670072f5867e1f3" },
	{ "--resume", "9722352be53d5e62a3a46ac9c84eed8a" },
	{ "--serve", "934489feb7bb48c9b78b184fe9f41741" },
	{ "[server] role = lmtp", "4c63ba849e25596eb09ddb9694b9ab45" },
	{ "--print", "3aa4ade7062053fcba9afe9ef7493cab" },
	{ "--implicit", "b8cffe3c6c3c5157b54db9c729f12394" },
	{ "cannot find out who asks", "1f7fff79b4275bb2aaa6ed02c4a4da8b" },
	{ "the user with uid", "38ff6cd32ec05d8aaee809c6d9634c13" },
	{ "the request or its answer", "577ecfc1d2eb58c0b3edf54daec31396" },
	{ "cannot serve a connection", "ef8dd7427b035553a347bca79f7e790b" },
	{ "there is no connection", "10e37370088b590d9b33878dd1230573" },
	{ "milter ", "c5eb07f0d68c429d84db06e7ca456ecc" },
	{ "[reports] dmarc-findings", "2f6d8b0a4c9e41d7a3b5c7e9f1d30826" },
	{ "cannot prepare for reports", "af4a5f22b82c4cbcbfe56b6aaa9e289f" },
	{ "dnsbl ", "7a1d9c3e5b2f48608c4d2e6f0a9b1c35" },
	{ "the server sent what", "41c0f9a8d7b34f2e9c0f5d7e6a1b2c38" },
	{ "the server does not allow", "5d2f8c1b9e7a4c6d8b3a0f9e1d2c4b57" },
	{ "%u connections, one more refused", "c8a5f4e3d2b14a0f9e8d7c6b5a493827" },
	{ "cannot become the user smtp-verify", "e3b7a9c1d5f24e6880a2c4e6f8091b3d" },
	{ "mail goes out without MTA-STS", "f062442235d94da2992823b2f8d4f4a0" },
	{ "a folder of %s was removed", "754431de70d84ce8939ac711867e5fb9" },
	{ "the queue %s was removed or replaced", "10c79312d6e94b1db510da70c595033c" },
	{ "REMOTE_ADDR, TCPREMOTEIP or REMOTE_HOST", "bd2f323d10084a51bd8889c4ab4b1fbe" },
};

const char *
event_id(const char *name)
{
	for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
		if (strcmp(name, events[i].text) == 0)
			return events[i].id;
	return NULL;
}

const char *
event_id_of_sentence(const char *format)
{
	for (size_t i = 0; i < sizeof sentences / sizeof sentences[0]; i++)
		if (strncmp(format, sentences[i].text, strlen(sentences[i].text)) == 0)
			return sentences[i].id;
	return NULL;
}
