// A failure is explained: a phone is off the line, the account's result says why and what to do, and a retry mends it.
import { h } from './dom.js';
import { connectPhone, follow, order, retry, setPhone } from './wechat.js';

async function connect(stage) {
  const { account, riskNotice } = await connectPhone(stage);
  stage.say(`已连接 ${account.accountName}。连接时须展示的风险提示：${riskNotice}`);
}

async function fail(stage) {
  await setPhone(stage.state.phone, 'offline');
  await order(stage, '周末到店有礼');
  const result = await follow(stage, '失败', ({ status }) => status === 'FAILED');
  stage.say(h('strong', {}, `失败（${result.errorCode}）`), `：${result.errorMessage}`);
}

async function mend(stage) {
  await connectPhone(stage);
  await retry(stage);
  const result = await follow(stage, '发布成功', ({ status }) => status === 'SUCCESS');
  stage.say(h('strong', {}, '重试成功'), `：朋友圈编号 ${result.momentId}。`);
}

export const failure = {
  id: 'failure',
  title: '一次失败怎样说明',
  about: '手机离线时发布失败，结果里有原因和处理办法；处理后重试。',
  steps: [
    { about: '连接模拟网关的一台手机（个人号）。', button: '连接手机', run: connect },
    { about: '让手机离线，再发布，看失败的原因。', button: '离线后发布', run: fail },
    { about: '让手机重新上线并连接，然后重试。', button: '恢复并重试', run: mend },
  ],
};
