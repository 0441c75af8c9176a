import type { Prism } from '../prism.js'
import type { PrismHttp } from '../http.js'
import { getCluster } from './cluster.js'
import { listHosts } from './hosts.js'
import { createImage, deleteImage, listImages } from './images.js'
import { listIscsiClients } from './iscsi-clients.js'
import {
  createStorageContainer,
  deleteStorageContainer,
  listStorageContainers,
  updateStorageContainer,
} from './storage-containers.js'
import { createNetwork, deleteNetwork, listNetworks } from './networks.js'
import { cancelTask, getTask, listTasks, waitForTask } from './tasks.js'
import { cloneVm, createVm } from './vm-create.js'
import { deleteVm } from './vm-delete.js'
import { addVmDisk, removeVmDisk, resizeVmDisk } from './vm-disks.js'
import { addVmNic, removeVmNic } from './vm-nics.js'
import { readConsoleLog } from './console-log.js'
import { setPowerState } from './vm-power.js'
import { createVmSnapshot, deleteVmSnapshot, listVmSnapshots, restoreVm } from './vm-snapshots.js'
import { updateVm } from './vm-update.js'
import { getVm, listVms } from './vms.js'
import { allowInitiator, attachToVm, detachFromVm, revokeInitiator } from './volume-attachments.js'
import { addDisk, removeDisk, resizeDisk } from './volume-disks.js'
import { cloneVolumeGroup, createVolumeGroup } from './volume-group-create.js'
import { deleteVolumeGroup } from './volume-group-delete.js'
import { updateVolumeGroup } from './volume-group-update.js'
import { getVolumeGroup, listVolumeGroups } from './volume-groups.js'

/** Both base paths of v2.0 serve the same resources; this one is the swagger's for most of them. */
export const v2BasePath = '/PrismGateway/services/rest/v2.0'

/** The v2.0 adapter: one function a call, each in its resource's file. */
export function createV2Client(http: PrismHttp): Prism {
  return {
    apiVersion: 'v2.0',
    cluster: (options) => getCluster(http, options),
    hosts: (options) => listHosts(http, options),
    storageContainers: (options) => listStorageContainers(http, options),
    createStorageContainer: (spec, options) => createStorageContainer(http, spec, options),
    updateStorageContainer: (uuid, change, options) => updateStorageContainer(http, uuid, change, options),
    deleteStorageContainer: (uuid, options) => deleteStorageContainer(http, uuid, options),
    volumeGroups: (options) => listVolumeGroups(http, options),
    volumeGroup: (uuid, options) => getVolumeGroup(http, uuid, options),
    createVolumeGroup: (spec, options) => createVolumeGroup(http, spec, options),
    updateVolumeGroup: (expected, change, options) => updateVolumeGroup(http, expected, change, options),
    deleteVolumeGroup: (group, options) => deleteVolumeGroup(http, group, options),
    cloneVolumeGroup: (uuid, clone, options) => cloneVolumeGroup(http, uuid, clone, options),
    addDisk: (groupUuid, disk, options) => addDisk(http, groupUuid, disk, options),
    resizeDisk: (groupUuid, index, sizeBytes, options) => resizeDisk(http, groupUuid, index, sizeBytes, options),
    removeDisk: (groupUuid, index, options) => removeDisk(http, groupUuid, index, options),
    allowInitiator: (groupUuid, initiator, options) => allowInitiator(http, groupUuid, initiator, options),
    revokeInitiator: (groupUuid, clientAddress, options) => revokeInitiator(http, groupUuid, clientAddress, options),
    attachToVm: (groupUuid, vmUuid, options) => attachToVm(http, groupUuid, vmUuid, options),
    detachFromVm: (groupUuid, vmUuid, options) => detachFromVm(http, groupUuid, vmUuid, options),
    vms: (options) => listVms(http, options),
    vm: (uuid, options) => getVm(http, uuid, options),
    createVm: (spec, options) => createVm(http, spec, options),
    updateVm: (expected, change, options) => updateVm(http, expected, change, options),
    deleteVm: (vm, options) => deleteVm(http, vm, options),
    cloneVm: (uuid, clone, options) => cloneVm(http, uuid, clone, options),
    consoleLog: (uuid, options) => readConsoleLog(http, uuid, options),
    setPowerState: (uuid, transition, options) => setPowerState(http, uuid, transition, options),
    addVmDisk: (uuid, disk, options) => addVmDisk(http, uuid, disk, options),
    removeVmDisk: (vm, label, options) => removeVmDisk(http, vm, label, options),
    resizeVmDisk: (vm, label, sizeBytes, options) => resizeVmDisk(http, vm, label, sizeBytes, options),
    addVmNic: (uuid, nic, options) => addVmNic(http, uuid, nic, options),
    removeVmNic: (uuid, macAddress, options) => removeVmNic(http, uuid, macAddress, options),
    vmSnapshots: (vmUuid, options) => listVmSnapshots(http, vmUuid, options),
    createVmSnapshot: (vmUuid, name, options) => createVmSnapshot(http, vmUuid, name, options),
    deleteVmSnapshot: (snapshot, options) => deleteVmSnapshot(http, snapshot, options),
    restoreVm: (vmUuid, snapshotUuid, options) => restoreVm(http, vmUuid, snapshotUuid, options),
    images: (options) => listImages(http, options),
    createImage: (spec, options) => createImage(http, spec, options),
    deleteImage: (image, options) => deleteImage(http, image, options),
    networks: (options) => listNetworks(http, options),
    createNetwork: (spec, options) => createNetwork(http, spec, options),
    deleteNetwork: (network, options) => deleteNetwork(http, network, options),
    iscsiClients: (options) => listIscsiClients(http, options),
    task: (uuid, options) => getTask(http, uuid, options),
    tasks: (filter, options) => listTasks(http, filter, options),
    waitForTask: (uuid, options) => waitForTask(http, uuid, options),
    cancelTask: (uuid, options) => cancelTask(http, uuid, options),
    close: () => {
      http.close()
      return Promise.resolve()
    },
  }
}
